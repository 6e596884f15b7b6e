package change_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

const officeCSV = "entry,note,ticket,expires\n103.15.250.0/24,'=office,SEC-1,\n12.148.72.0/23,,,2027-01-01T00:00:00Z\n"

func exportedCSV(d *desk, actor access.Actor, id string) (string, error) {
	var b strings.Builder
	var out access.EntryCSV
	err := d.ExportEntries(d.t.Context(), actor, id, func(access.AllowlistRow) (err error) {
		out, err = access.NewEntryCSV(&b)
		return err
	}, func(e access.Entry) error { return out.Write(e) })
	if err == nil {
		err = out.Flush()
	}
	return b.String(), err
}

func TestEntriesGoOutAndComeIn(t *testing.T) {
	d := newDesk(t)
	d.apply("Office", addList("al-office", "office", "12.148.80.0/22", "103.15.250.0/24"), addMapping("mp-1", "Bob", "office", "alice"))

	c, err := d.ImportEntries(t.Context(), d.editor, 0, "al-office", change.ImportReplace, officeCSV)
	d.must(err)
	var got []string
	for _, e := range c.Edits {
		got = append(got, string(e.Op)+" "+e.Key)
	}
	want := []string{"entry.remove 12.148.80.0/22", "entry.add 12.148.72.0/23", "entry.update 103.15.250.0/24"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("edits (-want +got)\n%s", diff)
	}
	if c.Title != "Import 2 entries into office" {
		t.Errorf("title %q", c.Title)
	}
	// Once more into the same draft changes nothing any more.
	_, err = d.ImportEntries(t.Context(), d.editor, c.ID, "al-office", change.ImportReplace, officeCSV)
	wantField(t, err, "lines", "exactly this")

	c, err = d.Describe(t.Context(), d.editor, c.ID, c.Version, c.Title, "SEC-1")
	d.must(err)
	c, err = d.Submit(t.Context(), d.editor, c.ID, c.Version)
	d.must(err)
	c = d.approve(c)
	_, err = d.Apply(t.Context(), d.operator, c.ID, asSeen(c))
	d.must(err)
	text, err := exportedCSV(d, d.viewer, "al-office")
	d.must(err)
	if diff := cmp.Diff("entry,note,ticket,expires\n12.148.72.0/23,,,2027-01-01T00:00:00Z\n103.15.250.0/24,'=office,SEC-1,\n", text); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	_, err = d.ImportEntries(t.Context(), d.editor, 0, "al-office", change.ImportReplace, text)
	wantField(t, err, "lines", "exactly this")
}

func wantField(t *testing.T, err error, field, message string) {
	t.Helper()
	for _, f := range access.FieldsOf(err) {
		if f.Field == field && strings.Contains(f.Message, message) {
			return
		}
	}
	t.Errorf("got %v (%v), want %q at %s", err, access.FieldsOf(err), message, field)
}

func TestImportOnlyAdds(t *testing.T) {
	d := newDesk(t)
	d.apply("Office", addList("al-office", "office", "12.148.80.0/22", "103.15.250.0/24"), addMapping("mp-1", "Bob", "office", "alice"))
	c, err := d.ImportEntries(t.Context(), d.editor, 0, "al-office", change.ImportAdd, "103.15.250.0/24\n12.148.72.0/23,lab\n")
	d.must(err)
	if len(c.Edits) != 1 || c.Edits[0].Op != access.EditAddEntry || c.Edits[0].Entry.Note != "lab" {
		t.Errorf("edits %+v, want the one new entry", c.Edits)
	}
	_, err = d.ImportEntries(t.Context(), d.editor, 0, "al-office", change.ImportAdd, "10.0.0.0/8\nnonsense\n")
	wantField(t, err, "lines/1", "private")
	wantField(t, err, "lines/2", "nonsense")
	_, err = d.ImportEntries(t.Context(), d.viewer, 0, "al-office", change.ImportAdd, "12.148.72.0/23")
	if access.KindOf(err) != access.KindForbidden {
		t.Errorf("a viewer imports: %v", err)
	}
}

func TestScenarioGoesOutAndComesIn(t *testing.T) {
	d := newDesk(t)
	d.apply("Office", addList("al-office", "office", "12.148.80.0/22"), addMapping("mp-1", "Bob", "office", "alice"))
	for _, yaml := range []bool{true, false} {
		body, at, err := d.ExportScenario(t.Context(), d.viewer, change.Head, yaml)
		d.must(err)
		if at != 1 {
			t.Errorf("revision %d, want 1", at)
		}
		if _, err := d.ImportScenario(t.Context(), d.editor, "Same", "", string(body)); err == nil || !strings.Contains(err.Error(), "nothing to change") {
			t.Errorf("importing what is there: %v", err)
		}
		c, err := d.ImportScenario(t.Context(), d.editor, "More", "SEC-2", strings.Replace(string(body), "12.148.80.0/22", "12.148.84.0/22", 1))
		d.must(err)
		if len(c.Edits) != 2 || c.Edits[0].Op != access.EditRemoveEntry || c.Edits[1].Op != access.EditAddEntry {
			t.Errorf("edits %+v, want one entry exchanged", c.Edits)
		}
	}
	_, err := d.ImportScenario(t.Context(), d.editor, "Bad", "", "allowlists:\n  - name: x\n    colour: red\n")
	wantField(t, err, "scenario", "scenario:3")
	_, err = d.ImportScenario(t.Context(), d.editor, "Bad", "", " ")
	wantField(t, err, "scenario", "choose a file")
}

func TestAccountGoesOut(t *testing.T) {
	d := newDesk(t)
	d.apply("Office", addList("al-office", "office", "12.148.80.0/22"), addMapping("mp-1", "Bob", "office", "alice"))
	for format, want := range map[change.Format]string{change.FormatTerraform: `resource "aws_iam_role" "Bob"`, change.FormatCloudFormation: `"AWS::IAM::UserPolicy"`} {
		body, at, err := d.ExportAccount(t.Context(), d.viewer, "111111111111", format)
		d.must(err)
		if text := string(body); at != 1 || !strings.Contains(text, want) || !strings.Contains(text, "12.148.80.0/22") || !strings.Contains(text, "ec2.amazonaws.com") {
			t.Errorf("%s at revision %d lacks %s, the network or the statement of others:\n%s", format, at, want, text)
		}
	}
	for _, tt := range []struct {
		account access.AccountID
		format  change.Format
		want    access.Kind
	}{
		{"111111111111", "pulumi", access.KindInvalid}, {"444444444444", change.FormatTerraform, access.KindNotFound}, {"555555555555", change.FormatTerraform, access.KindNotFound},
	} {
		if _, _, err := d.ExportAccount(t.Context(), d.viewer, tt.account, tt.format); access.KindOf(err) != tt.want {
			t.Errorf("%s as %s: %v, want %s", tt.account, tt.format, err, tt.want)
		}
	}
}

func TestExportsAreOnRecord(t *testing.T) {
	d := newDesk(t)
	d.apply("Office", addList("al-office", "office", "12.148.80.0/22"), addMapping("mp-1", "Bob", "office", "alice"))
	_, err := exportedCSV(d, d.viewer, "al-office")
	d.must(err)
	_, _, err = d.ExportScenario(t.Context(), d.viewer, change.Head, true)
	d.must(err)
	_, _, err = d.ExportAccount(t.Context(), d.viewer, "111111111111", change.FormatTerraform)
	d.must(err)
	auditor := d.person("auditor@example.com", access.RoleAuditor)
	var got []string
	d.must(d.ExportAudit(t.Context(), auditor, access.AuditFilter{Action: "export"}, func() error { return nil }, func(e access.AuditEvent) error {
		got = append(got, e.Name+" "+e.Action+" "+e.Object)
		return nil
	}))
	want := []string{
		d.viewer.Name + " export.entries allowlist/al-office", d.viewer.Name + " export.scenario state",
		d.viewer.Name + " export.account account/111111111111", "auditor@example.com export.audit audit",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	err = d.ExportAudit(t.Context(), d.viewer, access.AuditFilter{}, func() error { t.Error("began"); return nil }, nil)
	if access.KindOf(err) != access.KindForbidden {
		t.Errorf("a viewer exports the audit log: %v", err)
	}
}
