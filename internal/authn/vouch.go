package authn

import (
	"context"
	"errors"
	"fmt"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// Vouch records that the actor vouches for a person: an admin of another group, or the server's command line. ifTag is
// the tag of the person as the admin saw them; "" for the command line.
func (s *Service) Vouch(ctx context.Context, actor access.Actor, personID int64, ifTag string) (access.Person, error) {
	if err := authz.Require(actor, authz.ManagePeople); err != nil {
		return access.Person{}, err
	}
	basis := access.VouchedByAdmin
	if actor.Kind == access.ActorSystem {
		basis = access.VouchedByServer
	}
	check := func(p access.Person, groups access.Groups) error {
		if ifTag != "" && ifTag != p.Tag() {
			return access.Errorf(access.KindStale, "%s was changed since you opened the page. Look again, then decide.", p.Name)
		}
		return groups.CanVouch(actor, p)
	}
	return s.vouch(ctx, actor, personID, basis, map[string]any{"basis": basis}, check)
}

func (s *Service) vouch(
	ctx context.Context, actor access.Actor, personID int64, basis access.VouchBasis, detail map[string]any,
	check func(access.Person, access.Groups) error,
) (access.Person, error) {
	event := access.NewAuditEvent(actor, s.Now(), "person.vouch", personObject(personID), detail)
	p, err := s.Store.Vouch(ctx, personID, basis, event, check)
	if err != nil {
		return p, fmt.Errorf("vouching for person %d: %w", personID, err)
	}
	return p, nil
}

var errVouched = errors.New("the person is vouched for")

// providerVouches records that the identity provider vouches for a person who has signed in there, unless they are
// vouched for. A password, a link, sessions and tokens that an admin may have had in hand end with it.
func (o *OIDC) providerVouches(ctx context.Context, p access.Person, subject string) (access.Person, error) {
	groups, err := o.service.Store.Groups(ctx)
	if err != nil || groups.Vouching(p.ID).Vouched {
		return p, err
	}
	detail := map[string]any{"basis": access.VouchedByProvider, "issuer": o.cfg.Issuer, "subject": subject}
	check := func(p access.Person, groups access.Groups) error {
		switch {
		case p.Disabled:
			return access.Errorf(access.KindUnauthenticated, "Your account is no longer active. Ask an admin of the console.")
		case groups.Vouching(p.ID).Vouched:
			return errVouched
		}
		return nil
	}
	vouched, err := o.service.vouch(ctx, access.ProviderSystem(), p.ID, access.VouchedByProvider, detail, check)
	if errors.Is(err, errVouched) {
		return p, nil
	}
	return vouched, err
}

// MayVouch says whether the actor may vouch for a person now, and if not, why.
func (s *Service) MayVouch(ctx context.Context, actor access.Actor, personID int64) error {
	if err := authz.Require(actor, authz.ManagePeople); err != nil {
		return err
	}
	p, err := s.Store.Person(ctx, personID)
	if err != nil {
		return fmt.Errorf("looking up person %d: %w", personID, err)
	}
	groups, err := s.Store.Groups(ctx)
	if err != nil {
		return fmt.Errorf("reading who counts together: %w", err)
	}
	return groups.CanVouch(actor, p)
}
