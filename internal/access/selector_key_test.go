package access

import "testing"

func TestSelectorKey(t *testing.T) {
	one := Selector{OUs: []string{"Root/A"}, Tags: map[string]string{"a": "1", "b": "2"}}
	same := Selector{OUs: []string{"Root/A"}, Tags: map[string]string{"b": "2", "a": "1"}}
	if one.Key() != same.Key() {
		t.Errorf("the same selector has the keys %s and %s", one.Key(), same.Key())
	}
	keys := map[SelectorKey]bool{one.Key(): true}
	for _, s := range []Selector{
		{},
		{All: true},
		{IDs: []AccountID{"Root/A"}},
		{OUs: []string{"Root/A"}},
		{Except: []string{"Root/A"}},
		{OUs: []string{"Root", "A"}},
		{Tags: map[string]string{"Root": "A"}},
	} {
		if keys[s.Key()] {
			t.Errorf("%+v has the key of another, %s", s, s.Key())
		}
		keys[s.Key()] = true
	}
}
