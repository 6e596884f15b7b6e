package access

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// maxInFlightRange is the message of a number of accounts at once that is out of range.
const maxInFlightRange = "from 1 to %d accounts at once"

var strategyName = regexp.MustCompile(`^[^\x00-\x1f]{1,80}$`)

// Check refuses what cannot be carried out.
func (s Strategy) Check() error {
	var f fieldErrors
	s.Name = strings.TrimSpace(s.Name)
	if !strategyName.MatchString(s.Name) {
		f.add("name", "a strategy has a name of at most 80 characters")
	}
	if len(s.Description) > 500 {
		f.add("description", "at most 500 characters")
	}
	if s.Window < 0 || s.Window > MaxWindow {
		f.add("window", maxInFlightRange, MaxWindow)
	}
	s.MaxFailures.check(&f, "max_failures")
	if s.Confirm != 0 && (s.Confirm < minConfirm || s.Confirm > maxConfirm) {
		f.add("confirm_within", "the time to confirm is from one minute to 7 days")
	}
	if len(s.Waves) > maxWaveRules {
		f.add("waves", "at most %d waves", maxWaveRules)
	}
	for i, w := range s.Waves {
		w.check(&f, fmt.Sprintf("waves/%d/", i), i == len(s.Waves)-1)
	}
	s.checkPercents(&f)
	s.checkProbes(&f)
	s.Hours.check(&f, "hours/")
	return InvalidFields(f)
}

func (s Strategy) checkPercents(f *fieldErrors) {
	last := 0
	for i, w := range s.Waves {
		if w.Percent == 0 {
			continue
		}
		if w.Percent <= last {
			f.add(fmt.Sprintf("waves/%d/percent", i), "shares count from the beginning, so each is larger than the one before: %d %% does not come after %d %%", w.Percent, last)
		}
		last = w.Percent
	}
}

func (s Strategy) checkProbes(f *fieldErrors) {
	if len(s.Probes) > maxProbes {
		f.add("probes", "at most %d probes", maxProbes)
	}
	for i, p := range s.Probes {
		if !iamName.MatchString(p.Role.Name) || !iamPath.MatchString(cmp.Or(p.Role.Path, "/")) {
			f.add(fmt.Sprintf("probes/%d/role", i), "name the role that is to be assumed: its name (Bob), or path and name (team-a/Bob)")
		}
		if p.Accounts < 0 || p.Accounts > maxProbeAccounts {
			f.add(fmt.Sprintf("probes/%d/accounts", i), "a probe looks at 1 to %d accounts of each wave", maxProbeAccounts)
		}
	}
}

func (w WaveRule) check(f *fieldErrors, at string, last bool) {
	set := 0
	for _, is := range []bool{!w.Accounts.none(), w.Count != 0, w.Percent != 0, w.EachOU} {
		if is {
			set++
		}
	}
	if set != 1 {
		f.add(at+"accounts", "a wave takes accounts in one way: chosen ones, a number, a share, or one OU after the other")
	}
	if !w.Accounts.none() {
		if err := w.Accounts.Check(); err != nil {
			f.add(at+"accounts", "%s", MessageOf(err))
		}
	}
	if w.Count < 0 {
		f.add(at+"count", "the number of accounts is 1 or more")
	}
	if w.Percent < 0 || w.Percent > 100 {
		f.add(at+"percent", "a share is from 1 to 100 per cent")
	}
	if w.Window < 0 || w.Window > MaxWindow {
		f.add(at+"window", maxInFlightRange, MaxWindow)
	}
	if w.Bake < 0 || w.Bake > maxBake {
		f.add(at+"bake", "a wave bakes for at most 14 days")
	}
	if len(w.Name) > 80 {
		f.add(at+"name", "at most 80 characters")
	}
	if w.EachOU && !last {
		f.add(at+"each_ou", "OU by OU takes all accounts that are left, so it is the last rule")
	}
	w.MaxFailures.check(f, at+"max_failures")
}

func (l Limit) check(f *fieldErrors, at string) {
	set := 0
	for _, is := range []bool{l.None, l.Count != 0, l.Percent != 0} {
		if is {
			set++
		}
	}
	switch {
	case set > 1:
		f.add(at, "a limit is a number or a share, not both")
	case l.Count < 0:
		f.add(at, "the number of failures is 1 or more; none at all is a choice of its own")
	case l.Percent < 0 || l.Percent > 100:
		f.add(at, "a share is from 1 to 100 per cent")
	}
}

// fieldErrors gathers what is wrong.
type fieldErrors []FieldError

func (f *fieldErrors) add(field, format string, args ...any) {
	*f = append(*f, FieldError{field, fmt.Sprintf(format, args...)})
}
