package access

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// OU is an organizational unit, or the root of an organization. It is identified by its id. Path is for people: the
// names from the root down, quoted as JoinOUPath does. A path is neither unique nor lasting.
type OU struct {
	ID       string // ou-xxxx-yyyyyyyy, or r-xxxx for the root
	ParentID string // empty for the root
	Name     string
	Path     string
	GoneAt   time.Time // when a reading of the organization first missed the OU; zero while it exists
}

// Gone reports whether the OU is no longer in the organization.
func (o OU) Gone() bool { return !o.GoneAt.IsZero() }

var ouID = regexp.MustCompile(`^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$`)

// IsOUID reports whether a text is the id of an OU or a root (docs/aws-facts.md, "OUs").
func IsOUID(s string) bool { return ouID.MatchString(s) }

var labelled = regexp.MustCompile(`^.*\((\S+)\)$`)

// idIn returns the id that a text gives: an id alone, or one in parentheses after a path, as OUs.Editable writes it.
func idIn(text string) (string, bool) {
	if m := labelled.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	return text, IsOUID(text)
}

// OUs are the OUs of an organization by id. The zero value and nil know of none. It is not changed after NewOUs, so
// many may read it at once.
type OUs struct {
	list    []OU
	byID    map[string]int
	byPath  map[string][]string // ids of those that exist
	parents map[string][]string // ids from the root down to the OU itself
}

// NewOUs indexes OUs. The order of the list does not matter.
func NewOUs(list []OU) *OUs {
	o := &OUs{
		list: list, byID: make(map[string]int, len(list)), byPath: make(map[string][]string, len(list)),
		parents: make(map[string][]string, len(list)),
	}
	for i, ou := range list {
		o.byID[ou.ID] = i
		if !ou.Gone() {
			o.byPath[ou.Path] = append(o.byPath[ou.Path], ou.ID)
		}
	}
	for _, ou := range list {
		o.chainOf(ou.ID, 0)
	}
	return o
}

// maxOUDepth bounds the walk up the tree. AWS allows a root and five levels of OUs.
const maxOUDepth = 100

func (o *OUs) chainOf(id string, depth int) []string {
	if chain, known := o.parents[id]; known {
		return chain
	}
	i, known := o.byID[id]
	if !known || depth > maxOUDepth {
		return nil
	}
	chain := append(slices.Clip(o.chainOf(o.list[i].ParentID, depth+1)), id)
	o.parents[id] = chain
	return chain
}

// List returns all OUs, those included that are gone. It is shared: read only.
func (o *OUs) List() []OU {
	if o == nil {
		return nil
	}
	return o.list
}

// Find returns the OU of an id.
func (o *OUs) Find(id string) (OU, bool) {
	if o == nil {
		return OU{}, false
	}
	i, known := o.byID[id]
	if !known {
		return OU{}, false
	}
	return o.list[i], true
}

// Chain returns the ids from the root down to an OU, the OU's own last. It is shared: read only.
func (o *OUs) Chain(id string) []string {
	if o == nil {
		return nil
	}
	return o.parents[id]
}

// Place puts an account into an OU: it sets the ids that selectors look at, and the path.
func (o *OUs) Place(a *Account, id string) {
	ou, _ := o.Find(id)
	a.OU, a.OUIDs = ou.Path, o.Chain(id)
}

// Known reports whether any OU exists.
func (o *OUs) Known() bool { return o != nil && len(o.byPath) > 0 }

// Resolve returns the id of an OU that a person or a program named by its id, by its path, or by both: Root/Prod
// (ou-ab12-34cd56ef). Of both, only the id counts, because the OU may have been renamed. Resolve refuses an id that the
// organization never had, and a path that names no OU or several.
func (o *OUs) Resolve(field, text string) (string, error) {
	text = strings.TrimSpace(text)
	if id, given := idIn(text); given {
		if _, known := o.Find(id); !known && o.Known() {
			return "", Invalid(field,
				"there is no OU %s in the organization: correct the id, or read the organization again", id)
		}
		return id, nil
	}
	names, err := SplitOUPath(text)
	if err != nil {
		return "", Invalid(field, "%s", MessageOf(err))
	}
	if !o.Known() {
		return "", Invalid(field, "the OU %s cannot be looked up, because the organization has not been read yet: "+
			"give the id of the OU, such as ou-ab12-34cd56ef, or read the organization first", text)
	}
	switch ids := o.byPath[JoinOUPath(names...)]; len(ids) {
	case 0:
		return "", Invalid(field, "there is no OU %s in the organization%s", text, o.candidates(names))
	case 1:
		return ids[0], nil
	default:
		return "", Invalid(field,
			"%d OUs have the path %s: give the id of one of them (%s)", len(ids), text, strings.Join(ids, ", "))
	}
}

// maxCandidates bounds the OUs that a refusal names.
const maxCandidates = 5

// candidates names OUs that a path may have meant: those of the same name without regard to case, and those whose path
// is the same without its quotes. If there are none, it names the OUs below the last OU of the path that exists.
func (o *OUs) candidates(names []string) string {
	var found []string
	last := names[len(names)-1]
	typed := strings.ToLower(strings.Join(names, "/"))
	for _, ou := range o.list {
		unquoted := "/" + strings.ToLower(o.unquoted(ou.ID))
		if !ou.Gone() && (strings.EqualFold(ou.Name, last) || strings.HasSuffix(unquoted, "/"+typed)) {
			found = append(found, ou.Path+" ("+ou.ID+")")
		}
	}
	for up := len(names) - 1; len(found) == 0 && up >= 0; up-- {
		found = o.below(names[:up])
	}
	slices.Sort(found)
	more := ""
	if n := len(found) - maxCandidates; n > 0 {
		found, more = found[:maxCandidates], " and others"
	}
	return ": it may be " + strings.Join(found, ", ") + more
}

// unquoted is the path of an OU as it reads to people who do not know of the quotes.
func (o *OUs) unquoted(id string) string {
	chain := o.Chain(id)
	names := make([]string, len(chain))
	for i, id := range chain {
		ou, _ := o.Find(id)
		names[i] = ou.Name
	}
	return strings.Join(names, "/")
}

// below lists the OUs directly below a path; the roots below the empty one.
func (o *OUs) below(names []string) []string {
	var found []string
	for _, ou := range o.list {
		parent, _ := o.Find(ou.ParentID)
		if !ou.Gone() && parent.Path == JoinOUPath(names...) {
			found = append(found, ou.Path+" ("+ou.ID+")")
		}
	}
	return found
}

// ResolveSelector replaces the paths of OUs in a selector by ids.
func (o *OUs) ResolveSelector(s Selector) (Selector, error) {
	var fields []FieldError
	resolve := func(field string, texts []string, keep func(string) bool) []string {
		var ids []string
		for _, text := range texts {
			id := text
			if !keep(text) {
				var err error
				id, err = o.Resolve(field, text)
				fields = append(fields, FieldsOf(err)...)
			}
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	s.OUs = resolve("accounts/ous", s.OUs, func(string) bool { return false })
	s.Except = resolve("accounts/except", s.Except, func(text string) bool { return AccountID(text).Valid() })
	return s, InvalidFields(fields)
}

// ResolveScope replaces the paths of OUs in the scope of a review rule by ids.
func (o *OUs) ResolveScope(s RuleScope) (RuleScope, error) {
	var fields []FieldError
	ids := make([]string, 0, len(s.OUs))
	for _, text := range s.OUs {
		id, err := o.Resolve("scope/ous", text)
		fields = append(fields, FieldsOf(err)...)
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	s.OUs = ids
	return s, InvalidFields(fields)
}

// Label is the path of an OU. An OU that is gone is marked as such; for one that was never known, it is the id.
func (o *OUs) Label(id string) string {
	ou, known := o.Find(id)
	switch {
	case !known:
		return id
	case ou.Gone():
		return ou.Path + " (no longer in the organization)"
	default:
		return ou.Path
	}
}

// LabelWithID is Label with the id of the OU.
func (o *OUs) LabelWithID(id string) string {
	ou, known := o.Find(id)
	switch {
	case !known && o.Known() && IsOUID(id):
		return id + " (not in the organization)"
	case !known || ou.Path == id:
		return id
	case ou.Gone():
		return ou.Path + " (" + id + ", no longer in the organization)"
	default:
		return ou.Path + " (" + id + ")"
	}
}

// Editable writes OUs for a form, whose reader can tell them by their paths and whose sender keeps their ids.
func (o *OUs) Editable(ids []string) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id
		if ou, known := o.Find(id); known && !ou.Gone() {
			texts[i] = o.LabelWithID(id)
		}
	}
	return texts
}

// Describe says in a few words which accounts a selector reaches, with the paths of OUs.
func (o *OUs) Describe(s Selector) string { return s.describe(o.Label) }

// DescribeWithIDs is Describe with the id after each path.
func (o *OUs) DescribeWithIDs(s Selector) string { return s.describe(o.LabelWithID) }

// Title names a mapping by its role and its accounts, with the paths of OUs.
func (o *OUs) Title(m Mapping) string { return m.Role.String() + " for " + o.Describe(m.Accounts) }

// ByPath sorts OUs by path, then id.
func ByPath(a, b OU) int { return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.ID, b.ID)) }

// OUsAt makes OUs out of paths alone, for a file that has no ids: each OU on a path has its path as its id. known are
// OUs whose ids are given; their parents follow from their paths.
func OUsAt(known []OU, paths ...string) (*OUs, error) {
	byPath := map[string]OU{}
	for _, ou := range known {
		names, err := SplitOUPath(ou.Path)
		if err != nil {
			return nil, err
		}
		path := JoinOUPath(names...)
		if other, twice := byPath[path]; twice {
			return nil, Invalid("ous",
				"the OUs %s and %s have the same path %s; give each its own", other.ID, ou.ID, path)
		}
		byPath[path] = OU{ID: ou.ID, Path: path}
		paths = append(paths, path)
	}
	for _, path := range paths {
		names, err := SplitOUPath(path)
		if err != nil {
			return nil, err
		}
		for n := range names {
			at := JoinOUPath(names[:n+1]...)
			parent := byPath[JoinOUPath(names[:n]...)].ID
			byPath[at] = OU{ID: cmp.Or(byPath[at].ID, at), ParentID: parent, Name: names[n], Path: at}
		}
	}
	return NewOUs(slices.SortedFunc(maps.Values(byPath), ByPath)), nil
}
