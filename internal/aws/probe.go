package aws

import (
	"context"
	"errors"
	"strings"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
)

// probeSeconds is the shortest session that STS gives. It is used for nothing.
const probeSeconds = 900

// Prober tries to assume roles as a separate user who has no other purpose: a probe checks whether
// STS lets that user in. It is safe for concurrent use.
type Prober struct {
	cloud *Cloud

	mu   sync.Mutex
	name string // of the user, once it is known
}

// NewProber makes a prober of the user whose access keys are in the configuration.
func NewProber(ctx context.Context, cfg Config) (*Prober, error) {
	if cfg.AccessKeyID == "" || cfg.SecretAccessKey == "" {
		return nil, access.Errorf(access.KindInvalid, "The probe user needs both PORTCULLIS_PROBE_ACCESS_KEY_ID and PORTCULLIS_PROBE_SECRET_ACCESS_KEY.")
	}
	cloud, err := New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Prober{cloud: cloud}, nil
}

// Probe tries to assume a role in an account, and tells whether STS lets the user in.
func (p *Prober) Probe(ctx context.Context, account access.Account, role access.RoleName) (access.ProbeAnswer, error) {
	ctx = at(ctx, &place{counter: p.cloud.counts.of(account.ID)})
	name, err := p.user(ctx)
	if err != nil {
		return access.ProbeAnswer{}, err
	}
	arn := role.ARN(p.cloud.partition(account), account.ID)
	_, err = p.cloud.clients.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: &name, DurationSeconds: sdk.Int32(probeSeconds)})
	if err == nil {
		return access.ProbeAnswer{Allowed: true}, nil
	}
	err = probeRefusal(classify(call{account.ID, "sts:AssumeRole", arn}, err))
	var refused *access.CloudError
	if errors.As(err, &refused) && refused.Class == access.CloudDenied && tellsWhoIsLetIn(refused.Code) {
		return access.ProbeAnswer{Message: refused.Message}, nil
	}
	return access.ProbeAnswer{}, err
}

// probeRefusal says of refused credentials that they are those of the probe user. The console's own may be good.
func probeRefusal(err error) error {
	var refused *access.CloudError
	if errors.As(err, &refused) && refused.Class == access.CloudCredentials {
		refused.Class, refused.Cause = access.CloudDenied, "AWS does not accept the credentials of the probe user"
		refused.Advice = "Check PORTCULLIS_PROBE_ACCESS_KEY_ID, PORTCULLIS_PROBE_SECRET_ACCESS_KEY, " +
			"and the clock of this machine."
	}
	return err
}

// tellsWhoIsLetIn reports whether a refusal comes from the policies. Of a key that is not good any
// more, or of STS being switched off, AWS knows before it looks at the role: a probe that expects a
// refusal must not count that as a refusal by the trust policy.
func tellsWhoIsLetIn(code string) bool {
	return !credentialCodes[code] && code != "RegionDisabledException"
}

// user returns the probe user's name, which its sessions bear: a trust policy may ask for
// that.
func (p *Prober) user(ctx context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.name != "" {
		return p.name, nil
	}
	who, err := p.cloud.clients.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", probeRefusal(classify(call{"", "sts:GetCallerIdentity", "the probe user"}, err))
	}
	arn := sdk.ToString(who.Arn)
	p.name = sessionName(arn[strings.LastIndexByte(arn, '/')+1:])
	return p.name, nil
}
