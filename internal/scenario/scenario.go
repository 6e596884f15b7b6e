package scenario

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

// Scenario is a desired state as a file, for review outside the console, for tests, for
// import and export. testdata/scenarios/full.yaml shows every key.
//
// The file is read without AWS, so its OUs are those that it names: the paths of accounts, and the ids under ous. An
// OU without an id has its path as its id. A selector by path or by id reaches the same accounts as in AWS.
//
// A file without the key strategies says nothing about strategies: State.Strategies is nil. An empty list of them is
// not nil, and means that there are none.
type Scenario struct {
	OUs       *access.OUs
	Accounts  []access.Account
	State     access.State
	Positions policy.Positions
}

// ParseScenario reads a scenario in YAML or JSON. Unknown keys are errors; an error says
// file, line, what is wrong and what to do. The ids of allowlists and mappings are made
// from the file: "al-NAME", and "mp-" with the mapping's place in the order of roles, and "st-" with the strategy's
// place in the order of names, so that a scenario that is printed and read again has the same.
func ParseScenario(data []byte, file string) (Scenario, error) {
	root, err := parseYAML(data, file)
	if err != nil {
		return Scenario{}, err
	}
	r := &scenarioReader{yamlReader: yamlReader{file: file}, positions: policy.Positions{}}
	err = r.object(root, "a scenario", map[string]field{
		"ous":        r.list(r.ou),
		"accounts":   r.list(r.account),
		"allowlists": r.list(r.allowlist),
		"mappings":   r.list(r.mapping),
		"strategies": r.strategyList,
	})
	if err != nil {
		return Scenario{}, err
	}
	return r.finish()
}

// scenarioReader collects what a scenario says.
type scenarioReader struct {
	yamlReader
	positions  policy.Positions
	ous        []access.OU
	accounts   []readAccount
	allowlists []access.Allowlist
	mappings   []readMapping
	strategies []readStrategy // nil without the key
}

// readAccount is an account with the line of its OU.
type readAccount struct {
	access.Account
	ouLine int
}

// readMapping is a mapping with the lines that errors may have to name.
type readMapping struct {
	access.Mapping
	line  int
	lists []int // of each allowlist's name
}

func (r *scenarioReader) ou(n ast.Node) error {
	var ou access.OU
	err := r.object(n, "an OU", map[string]field{
		"id": func(n ast.Node) error {
			id, err := r.text(n)
			if ou.ID = id; err == nil && !access.IsOUID(id) {
				err = r.errorf(n,
					"%q is not the id of an OU; an id is written as ou-ab12-34cd56ef, or r-ab12 for the root", id)
			}
			return err
		},
		"path": func(n ast.Node) error {
			path, err := r.text(n)
			if err == nil {
				_, err = access.SplitOUPath(path)
			}
			ou.Path = path
			return r.wrap(n, err)
		},
	})
	if err != nil {
		return err
	}
	if ou.ID == "" || ou.Path == "" {
		return r.errorf(n, "an OU has an id and a path; add both, such as {id: ou-ab12-34cd56ef, path: Root/Prod}")
	}
	if first, twice := r.positions["ou/"+ou.ID]; twice {
		return r.errorf(n, "the OU %s is listed a second time; list it once (first at %s)", ou.ID, first)
	}
	r.positions["ou/"+ou.ID] = r.position(n)
	r.ous = append(r.ous, ou)
	return nil
}

func (r *scenarioReader) account(n ast.Node) error {
	var a readAccount
	err := r.object(n, "an account", map[string]field{
		"id": func(n ast.Node) error {
			id, err := r.text(n)
			if a.ID = access.AccountID(id); err == nil && !a.ID.Valid() {
				err = r.errorf(n, "%q is not an account id; an id has 12 digits and is best written in quotes", id)
			}
			return err
		},
		"name": r.intoText(&a.Name),
		"ou": func(n ast.Node) error {
			ou, err := r.text(n)
			if err == nil && ou != "" && !access.IsOUID(ou) {
				_, err = access.SplitOUPath(ou)
			}
			a.OU, a.ouLine = ou, lineOf(n)
			return r.wrap(n, err)
		},
		"tags": r.intoTags(&a.Tags),
		"partition": func(n ast.Node) error {
			return r.oneOf(n, &a.Partition, "aws", "aws-cn", "aws-us-gov")
		},
		"trust_policy_quota": func(n ast.Node) error {
			s, err := r.text(n)
			if err != nil {
				return err
			}
			if a.Quotas.TrustPolicy, err = strconv.Atoi(s); err != nil || a.Quotas.TrustPolicy < 1 || a.Quotas.TrustPolicy > policy.MaxTrustQuota {
				return r.errorf(n, "%q is no quota of a trust policy; it is a number of characters up to %d (2048 unless it was raised)", s, policy.MaxTrustQuota)
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	if a.ID == "" {
		return r.errorf(n, "an account has no id; add its 12-digit id")
	}
	if _, twice := r.positions["account/"+string(a.ID)]; twice {
		return r.errorf(n, "account %s is listed a second time; list it once (first at %s)", a.ID, r.positions["account/"+string(a.ID)])
	}
	r.positions["account/"+string(a.ID)] = r.position(n)
	r.accounts = append(r.accounts, a)
	return nil
}

func (r *scenarioReader) allowlist(n ast.Node) error {
	var a access.Allowlist
	lines := map[string]string{}
	err := r.object(n, "an allowlist", map[string]field{
		"name": func(n ast.Node) error {
			name, err := r.text(n)
			if err == nil {
				err = r.wrap(n, access.CheckName(name))
			}
			a.Name = name
			return err
		},
		"description": r.intoText(&a.Description),
		"entries": r.list(func(n ast.Node) error {
			e, err := r.entry(n)
			if err == nil {
				a.Entries = append(a.Entries, e)
				lines[e.Key()] = r.position(n)
			}
			return err
		}),
	})
	if err != nil {
		return err
	}
	if a.Name == "" {
		return r.errorf(n, "an allowlist has no name; add a name by which mappings can refer to it")
	}
	if first, twice := r.positions["allowlist/"+a.Name]; twice {
		return r.errorf(n, "an allowlist named %q exists already (%s); choose another name", a.Name, first)
	}
	r.positions["allowlist/"+a.Name] = r.position(n)
	for key, pos := range lines {
		r.positions["entry/"+a.Name+"/"+key] = pos
	}
	a.ID = "al-" + a.Name
	slices.SortStableFunc(a.Entries, access.CompareEntries)
	r.allowlists = append(r.allowlists, a)
	return nil
}

// entry reads the short form (a string) or the long one.
func (r *scenarioReader) entry(n ast.Node) (access.Entry, error) {
	if !isObject(n) {
		s, err := r.text(n)
		if err != nil {
			return access.Entry{}, r.wants(n, "an entry is a CIDR, or an object with cidr, vpc or vpce")
		}
		e, err := access.ParseEntry(s)
		return e, r.wrap(n, err)
	}
	var e access.Entry
	var note, ticket string
	var expires time.Time
	var emergency bool
	kinds := 0
	key := func(kind access.EntryKind) field {
		return func(n ast.Node) error {
			kinds++
			s, err := r.text(n)
			if err != nil {
				return err
			}
			if e, err = access.ParseEntry(s); err == nil && e.Kind != kind {
				return r.errorf(n, "%q is not a %s; write it under %s", s, kind, e.Kind)
			}
			return r.wrap(n, err)
		}
	}
	err := r.object(n, "an entry", map[string]field{
		"cidr": key(access.EntryCIDR), "vpc": key(access.EntryVPC), "vpce": key(access.EntryVPCE),
		"note": r.intoText(&note), "ticket": r.intoText(&ticket), "expires": r.intoTime(&expires), "emergency": r.intoBool(&emergency),
	})
	if err != nil {
		return access.Entry{}, err
	}
	if kinds != 1 {
		return access.Entry{}, r.errorf(n, "an entry has exactly one of cidr, vpc and vpce; this one has %d of them", kinds)
	}
	e.Note, e.Ticket, e.Expires, e.Emergency = note, ticket, expires, emergency
	return e, r.wrap(n, e.Check())
}

func (r *scenarioReader) mapping(n ast.Node) error {
	m := readMapping{line: lineOf(n)}
	var enforcement, session, source string
	err := r.object(n, "a mapping", map[string]field{
		"role": func(n ast.Node) error {
			s, err := r.text(n)
			if err == nil {
				m.Role, err = access.ParseRoleName(s)
			}
			return r.wrap(n, err)
		},
		"users": r.list(func(n ast.Node) error {
			s, err := r.text(n)
			if err != nil {
				return err
			}
			u, err := access.ParseUserName(s)
			m.Users = append(m.Users, u)
			return r.wrap(n, err)
		}),
		"accounts": func(n ast.Node) error { return r.selector(n, &m.Accounts) },
		"allowlists": r.list(func(n ast.Node) error {
			s, err := r.text(n)
			m.Allowlists, m.lists = append(m.Allowlists, s), append(m.lists, lineOf(n))
			return err
		}),
		"enforcement":     func(n ast.Node) error { return r.oneOf(n, &enforcement, "mapped", "everyone") },
		"require_mfa":     r.intoBool(&m.RequireMFA),
		"mfa_max_age":     r.intoDuration(&m.MFAMaxAge),
		"session_name":    func(n ast.Node) error { return r.oneOf(n, &session, "any", "username") },
		"source_identity": func(n ast.Node) error { return r.oneOf(n, &source, "any", "username") },
	})
	if err != nil {
		return err
	}
	m.Enforcement, m.SessionName, m.SourceIdentity = access.Enforcement(enforcement), access.Naming(session), access.Naming(source)
	if err := m.Check(); err != nil {
		return r.wrap(n, err)
	}
	m.Mapping = m.OrDefault()
	r.mappings = append(r.mappings, m)
	return nil
}

func (r *scenarioReader) selector(n ast.Node, s *access.Selector) error {
	var ids, ous, except []string
	err := r.object(n, "a choice of accounts", map[string]field{
		"all": r.intoBool(&s.All), "ids": r.intoTexts(&ids), "ous": r.intoTexts(&ous), "tags": r.intoTags(&s.Tags), "except": r.intoTexts(&except),
	})
	for _, id := range ids {
		s.IDs = append(s.IDs, access.AccountID(id))
	}
	s.OUs, s.Except = ous, except
	if err != nil {
		return err
	}
	return r.wrap(n, s.Check())
}

// finish puts everything in the order that a state promises, gives ids, and refuses
// mappings that name an allowlist that does not exist.
func (r *scenarioReader) finish() (Scenario, error) {
	s := Scenario{Positions: r.positions}
	if err := r.placeAccounts(&s); err != nil {
		return Scenario{}, err
	}
	s.State.Allowlists = r.allowlists
	slices.SortStableFunc(r.mappings, func(a, b readMapping) int { return strings.Compare(a.Role.String(), b.Role.String()) })
	for i, m := range r.mappings {
		for j, name := range m.Allowlists {
			if _, ok := r.positions["allowlist/"+name]; !ok {
				return Scenario{}, r.errorAt(m.lists[j], "the mapping of %s names the allowlist %q, which does not exist; add it under allowlists, or correct the name", m.Role, name)
			}
		}
		m.ID, m.Accounts = mappingID(i), inFile(s.OUs, m.Accounts)
		r.positions["mapping/"+m.ID] = r.file + ":" + strconv.Itoa(m.line)
		s.State.Mappings = append(s.State.Mappings, m.Mapping)
	}
	if err := r.placeStrategies(&s); err != nil {
		return Scenario{}, err
	}
	s.State.Sort()
	return s, nil
}

// placeAccounts makes the tree of OUs and puts the accounts into it.
func (r *scenarioReader) placeAccounts(s *Scenario) error {
	var paths []string
	for _, a := range r.accounts {
		if a.OU != "" && !access.IsOUID(a.OU) {
			paths = append(paths, a.OU)
		}
	}
	var err error
	if s.OUs, err = access.OUsAt(r.ous, paths...); err != nil {
		return access.Errorf(access.KindInvalid, "%s: %s", r.file, access.MessageOf(err))
	}
	for _, a := range r.accounts {
		if a.OU == "" {
			s.Accounts = append(s.Accounts, a.Account)
			continue
		}
		id := ouInFile(s.OUs, a.OU)
		if _, known := s.OUs.Find(id); !known {
			return r.errorAt(a.ouLine,
				"account %s: the OU %s has no path in this file; add it under ous, or write the path here", a.ID, a.OU)
		}
		s.OUs.Place(&a.Account, id)
		s.Accounts = append(s.Accounts, a.Account)
	}
	return nil
}

// inFile replaces the paths in a selector by the ids that the OUs have in the file. A path that no account is in stays,
// in its one spelling: whether the organization has it is not known here. Lint reports a mapping that reaches nothing.
func inFile(ous *access.OUs, s access.Selector) access.Selector {
	resolve := func(texts []string) []string {
		var ids []string
		for _, text := range texts {
			ids = append(ids, ouInFile(ous, text))
		}
		return ids
	}
	s.OUs, s.Except = resolve(s.OUs), resolve(s.Except)
	return s
}

func ouInFile(ous *access.OUs, text string) string {
	if access.IsOUID(text) || access.AccountID(text).Valid() {
		return text
	}
	if id, err := ous.Resolve("ous", text); err == nil {
		return id
	}
	names, err := access.SplitOUPath(text)
	if err != nil {
		return text // not reached: Selector.Check has refused it
	}
	return access.JoinOUPath(names...)
}

// mappingID pads the number, so that ids sort as the mappings do.
func mappingID(i int) string { return numberedID("mp-", i) }

func numberedID(prefix string, i int) string {
	n := strconv.Itoa(i + 1)
	return prefix + "000000"[:max(0, 6-len(n))] + n
}
