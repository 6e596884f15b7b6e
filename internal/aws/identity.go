package aws

import (
	"context"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
)

// wrongAccountError says that a session belongs to another account than the one it was opened
// for, for example because a proxy returned the answer to another request.
type wrongAccountError struct {
	want, got access.AccountID
	source    string // the answer that names the other account
}

func (e *wrongAccountError) Error() string {
	return fmt.Sprintf("the session is for account %s: %s says so, and the console asked for account %s", e.got, e.source, e.want)
}

func (e *wrongAccountError) refusal(of call) *access.CloudError {
	r := &access.CloudError{
		Class: access.CloudWrongAccount, Account: of.account, Action: of.action, Resource: of.resource,
		Code: "WrongAccount", Message: e.Error(), Err: e,
	}
	r.Cause, r.Advice = cause(r), advice(r)
	return r
}

// boundProvider returns credentials of one account only. It compares the account in
// AssumedRoleUser.Arn, which the answer to AssumeRole names, and then asks the credentials
// themselves with GetCallerIdentity. A mismatch is an error, so no call is made with them.
//
// GetCallerIdentity needs no permission and counts against the quotas of the member account
// (docs/aws-facts.md, "STS request rate").
type boundProvider struct {
	account  access.AccountID
	role     string // ARN
	assume   sdk.CredentialsProvider
	identity *sts.Client
}

// Retrieve implements sdk.CredentialsProvider.
func (p boundProvider) Retrieve(ctx context.Context) (sdk.Credentials, error) {
	c, err := p.assume.Retrieve(ctx)
	if err != nil {
		return sdk.Credentials{}, classify(call{p.account, "sts:AssumeRole", p.role}, err)
	}
	if got := access.AccountID(c.AccountID); got != p.account {
		return sdk.Credentials{}, &wrongAccountError{p.account, got, "the answer to AssumeRole"}
	}
	who, err := p.identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, func(o *sts.Options) {
		o.Credentials = sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) { return c, nil })
	})
	if err != nil {
		return sdk.Credentials{}, classify(call{p.account, "sts:GetCallerIdentity", "the session"}, err)
	}
	if got := access.AccountID(sdk.ToString(who.Account)); got != p.account {
		return sdk.Credentials{}, &wrongAccountError{p.account, got, "the answer to GetCallerIdentity"}
	}
	return c, nil
}
