package change

import (
	"context"
	"fmt"
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// resolveOUs replaces the paths of OUs in edits by ids. Edits that name OUs by id alone, as most do, are returned as
// they are, unless an id was never one of the organization's.
func (s *Service) resolveOUs(ctx context.Context, edits []access.Edit) ([]access.Edit, error) {
	if !slices.ContainsFunc(edits, namesOUs) {
		return edits, nil
	}
	ous, err := s.store.OUTree(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the OUs: %w", err)
	}
	var fields []access.FieldError
	note := func(i int, object string, err error) {
		for _, f := range access.FieldsOf(err) {
			f.Field = fmt.Sprintf("edits/%d/%s/%s", i, object, f.Field)
			fields = append(fields, f)
		}
	}
	edits = slices.Clone(edits)
	for i, e := range edits {
		if m := e.Mapping; m != nil {
			resolved := *m
			resolved.Accounts, err = ous.ResolveSelector(m.Accounts)
			edits[i].Mapping = &resolved
			note(i, "mapping", err)
		}
		if r := e.Rule; r != nil {
			resolved := *r
			resolved.Scope, err = ous.ResolveScope(r.Scope)
			edits[i].Rule = &resolved
			note(i, "rule", err)
		}
		if p := e.Strategy; p != nil {
			resolved := *p
			resolved.Waves, err = resolveWaves(ous, p.Waves)
			edits[i].Strategy = &resolved
			note(i, "strategy", err)
		}
	}
	return edits, access.InvalidFields(fields)
}

func namesOUs(e access.Edit) bool {
	return e.Mapping != nil && len(e.Mapping.Accounts.OUs)+len(e.Mapping.Accounts.Except) > 0 ||
		e.Rule != nil && len(e.Rule.Scope.OUs) > 0 ||
		e.Strategy != nil &&
			slices.ContainsFunc(
				e.Strategy.Waves,
				func(w access.WaveRule) bool { return len(w.Accounts.OUs)+len(w.Accounts.Except) > 0 },
			)
}

// resolveWaves replaces the paths of OUs in the waves of a strategy by ids.
func resolveWaves(ous *access.OUs, waves []access.WaveRule) ([]access.WaveRule, error) {
	var fields []access.FieldError
	out := slices.Clone(waves)
	for i, w := range waves {
		var err error
		out[i].Accounts, err = ous.ResolveSelector(w.Accounts)
		for _, f := range access.FieldsOf(err) {
			fields = append(fields, access.FieldError{Field: fmt.Sprintf("waves/%d/accounts", i), Message: f.Message})
		}
	}
	return out, access.InvalidFields(fields)
}

// resolveMappings replaces the paths of OUs in mappings by ids. An error about one of several mappings names its role.
func (s *Service) resolveMappings(ctx context.Context, mappings []access.Mapping) ([]access.Mapping, error) {
	ous, err := s.store.OUTree(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the OUs: %w", err)
	}
	var fields []access.FieldError
	out := slices.Clone(mappings)
	for i, m := range mappings {
		out[i].Accounts, err = ous.ResolveSelector(m.Accounts)
		for _, f := range access.FieldsOf(err) {
			if len(mappings) > 1 {
				f.Message = fmt.Sprintf("the mapping of %s: %s", m.Role, f.Message)
			}
			fields = append(fields, f)
		}
	}
	return out, access.InvalidFields(fields)
}

// resolveStrategies replaces the paths of OUs in strategies by ids. An error names the strategy.
func (s *Service) resolveStrategies(ctx context.Context, strategies []access.Strategy) ([]access.Strategy, error) {
	if len(strategies) == 0 {
		return strategies, nil
	}
	ous, err := s.store.OUTree(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the OUs: %w", err)
	}
	var fields []access.FieldError
	out := slices.Clone(strategies)
	for i, one := range strategies {
		out[i].Waves, err = resolveWaves(ous, one.Waves)
		for _, f := range access.FieldsOf(err) {
			f.Message = fmt.Sprintf("the strategy %s: %s", one.Name, f.Message)
			fields = append(fields, f)
		}
	}
	return out, access.InvalidFields(fields)
}
