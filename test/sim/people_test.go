package sim

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

var operator = access.Actor{
	Kind: access.ActorPerson, PersonID: 1, Name: "operator",
	Roles: []access.Role{access.RoleOperator},
}

// serviceStore is the store as the service and its background work reach it.
type serviceStore struct {
	*modelStore
	s *simulation
}

// BeginRollback tells the checks of the plan of a rollback.
func (p *serviceStore) BeginRollback(ctx context.Context, id int64, plan access.Plan) (access.Rollout, error) {
	r, err := p.find(id)
	begins := err == nil && r.RolledBackBy == 0 && r.State == access.RolloutRollingBack && r.Counts.Running == 0
	if begins {
		p.s.check.plan(plan)
		p.s.note("the rollback of rollout %d begins", id)
	}
	return p.modelStore.BeginRollback(ctx, id, plan)
}

// moveRollouts lets the service do its background work once.
func (s *simulation) moveRollouts() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.svc.Run(ctx)
	}()
	time.Sleep(15*time.Millisecond + time.Duration(s.Int64N(int64(time.Millisecond))))
	cancel()
	<-done
	s.note("the background work moves the rollouts: %s", lazy(s.state))
	s.check.counts()
}

// trouble draws an act of an operator or of another person; false for none.
func (s *simulation) trouble() bool {
	switch draw := s.IntN(1000); {
	case draw < s.faults.edit:
		s.check.edited(s.drawEdit())
	case draw < s.faults.edit+s.faults.person:
		s.act()
	case draw < s.faults.edit+s.faults.person+s.faults.account:
		s.loseAccount()
	default:
		return false
	}
	return true
}

// loseAccount makes an account refuse every call, or answer again, or deletes a role.
func (s *simulation) loseAccount() {
	if s.IntN(3) == 0 {
		role := pick(s.Rand, s.w.roles)
		s.cloud.gone[role] = true
		s.note("%s is deleted", role)
		return
	}
	a := pick(s.Rand, s.w.accounts)
	if s.cloud.dead[a.ID] != "" {
		delete(s.cloud.dead, a.ID)
		s.note("account %s answers again", short(a.ID))
		return
	}
	s.cloud.dead[a.ID] = pick(s.Rand, []access.CloudClass{access.CloudDenied, access.CloudUnreachable})
	s.note("account %s refuses every call: %s", short(a.ID), s.cloud.dead[a.ID])
}

// act lets an operator do something to a rollout. What the rollout refuses has no effect.
func (s *simulation) act() {
	ctx := context.Background()
	r := pick(s.Rand, s.store.rollouts)
	if len(r.targets) == 0 { // a rollback of nothing
		return
	}
	t := pick(s.Rand, r.targets)
	var what string
	var err error
	switch draw := s.IntN(20); {
	case draw < 4:
		what = "pauses"
		_, err = s.svc.Pause(ctx, operator, r.ID)
	case draw < 9:
		what = "resumes"
		_, err = s.svc.Resume(ctx, operator, r.ID)
	case draw < 11:
		what = "retries"
		_, err = s.svc.Retry(ctx, operator, r.ID)
	case draw < 12:
		what = "retries account " + short(t.Account) + " of"
		_, err = s.svc.RetryTarget(ctx, operator, r.ID, t.Account)
	case draw < 13:
		what = "skips account " + short(t.Account) + " of"
		_, err = s.svc.SkipTarget(ctx, operator, r.ID, t.Account, "reason")
	case draw < 14:
		what = "changes max in flight of"
		_, err = s.svc.SetMaxInFlight(ctx, operator, r.ID, 1+s.IntN(3))
	case draw < 15:
		what = "aborts"
		_, err = s.svc.Abort(ctx, operator, r.ID, "reason")
	case draw < 16:
		what = "rolls back"
		err = s.rollBack(r.ID)
	case draw < 17:
		what = "approves the wave of"
		_, err = s.svc.ApproveWave(ctx, operator, r.ID, r.Wave)
	default:
		what = "resolves conflicts of account " + short(t.Account) + " of"
		err = s.resolve(r, t)
	}
	s.note("the operator %s rollout %d: %s", what, r.ID, answerText(err))
	s.check.counts()
}

func (s *simulation) resolve(r *modelRollout, t *modelTarget) error {
	var choices []access.ResolveConflict
	for _, op := range t.ops {
		if op.State == access.OperationConflict {
			choices = append(choices, access.ResolveConflict{
				OperationID: op.ID,
				Choice:      pick(s.Rand, access.ConflictChoices()), Seen: access.DocumentDigest(op.Found),
			})
		}
	}
	_, err := s.svc.Resolve(context.Background(), operator, r.ID, t.Account, choices)
	return err
}

// settle brings rollouts to their end that only people can bring there. It returns false once there
// is nothing left to do.
func (s *simulation) settle() bool {
	if !s.healed {
		s.faultSteps = s.steps
		return true
	}
	ctx := context.Background()
	for _, r := range s.store.rollouts {
		var err error
		switch {
		case r.Ended() || r.State == access.RolloutRollingBack:
			continue
		case r.State == access.RolloutPaused || r.State == access.RolloutHalted:
			if s.resumes++; s.resumes < 6 {
				_, err = s.svc.Resume(ctx, operator, r.ID)
			} else {
				_, err = s.svc.Abort(ctx, operator, r.ID, "it halts again and again")
			}
		case r.Phase == access.PhaseAwaitingApproval:
			_, err = s.svc.ApproveWave(ctx, operator, r.ID, r.Wave)
		default:
			continue
		}
		s.note("the operator lets rollout %d go on: %s", r.ID, answerText(err))
		s.check.counts()
		return true
	}
	s.check.quiet()
	return !s.broken() && s.doMore()
}

// doMore lets people retry or roll back a rollout that has ended.
func (s *simulation) doMore() bool {
	ctx := context.Background()
	for s.extras > 0 {
		s.extras--
		r := s.store.rollouts[0]
		var err error
		if isAnyBad(r) && s.IntN(3) > 0 {
			_, err = s.svc.Retry(ctx, operator, r.ID)
			s.note("the operator retries rollout %d: %s", r.ID, answerText(err))
		} else {
			err = s.rollBack(r.ID)
			s.note("the operator rolls back rollout %d: %s", r.ID, answerText(err))
		}
		if err == nil {
			s.check.counts()
			return true
		}
	}
	return false
}

// rollBack rolls back as a strategy does, also a rollback that one person must not start: the order of writes must hold for
// every rollback.
func (s *simulation) rollBack(id int64) error {
	_, err := s.store.RollBack(context.Background(), id, operator.Ref(), func(
		r *access.Rollout, _ *access.WaveProgress, f access.RollbackFacts,
	) ([]access.AuditEvent, error) {
		return nil, r.RollBack(operator.Ref(), "reason", time.Now(), f)
	})
	return err
}

func isAnyBad(r *modelRollout) bool { return r.Counts.Failed+r.Counts.Conflict > 0 }

// edit is a change of one document that others make. ours tells that it changes our part of it.
type edit struct {
	at    place
	when  time.Time
	ours  bool
	late  bool // a write of ours that was overtaken
	what  string
	apply func(document string) string
}

// drawEdit draws an edit by others.
func (s *simulation) drawEdit() edit {
	e := edit{when: time.Now()}
	if s.IntN(4) == 0 {
		s.drawUserEdit(&e)
		return e
	}
	e.at = pick(s.Rand, s.w.roles)
	draw := s.IntN(16)
	e.ours = draw >= 10
	switch {
	case draw < 6:
		added := s.drawAddition(e.at.account)
		e.what, e.apply = "adds "+string(added), func(d string) string {
			return append(readStatements(d),
				added).document()
		}
	case draw < 10:
		e.what = "removes the last Allow of others"
		e.apply = removeLastForeign
	case draw < 12:
		e.what = "removes our Denies"
		e.apply = func(d string) string {
			return keepSome(readStatements(d).without(func(st json.RawMessage) bool {
				return isOurs(st) &&
					isDeny(st)
			}))
		}
	case draw < 14:
		e.what = "removes our part"
		e.apply = func(d string) string { return keepSome(foreign(d)) }
	default:
		was := ours(s.check.planned0[e.at])
		e.what = "puts the planned statements there"
		e.apply = func(d string) string { return append(foreign(d), was...).document() }
	}
	return e
}

func (s *simulation) drawAddition(id access.AccountID) json.RawMessage {
	names := make([]string, 0, len(s.w.users))
	for _, u := range s.w.users {
		names = append(names, u.resource.Name)
	}
	return foreignStatement(s.Rand, s.w.accounts.IDs(), names, id)
}

func removeLastForeign(d string) string {
	list := readStatements(d)
	for i := len(list) - 1; i > 0; i-- {
		if !isOurs(list[i]) {
			return slices.Delete(list, i, i+1).document()
		}
	}
	return d
}

// keepSome is a document with at least one statement, as IAM demands.
func keepSome(list statements) string {
	if len(list) == 0 {
		list = statements{ec2Only}
	}
	return list.document()
}

// drawUserEdit draws an edit of the policy that we keep on a user.
func (s *simulation) drawUserEdit(e *edit) {
	e.ours = true
	e.at = pick(s.Rand, s.w.users)
	if s.IntN(2) == 0 {
		e.what, e.apply = "deletes it", func(string) string { return "" }
		return
	}
	e.what, e.apply = "allows every role in it", func(string) string { return mayAssumeAll }
}
