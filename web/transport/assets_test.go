package transport

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestMissingVendorFilesSayWhatToDo(t *testing.T) {
	_, err := LoadAssets(fstest.MapFS{"static/app.css": {Data: []byte("a{}")}})
	if err == nil || !strings.Contains(err.Error(), "make assets") {
		t.Errorf("error %v, want one that says what to run", err)
	}
}

func TestTheAddressOfAssetsFollowsTheirContent(t *testing.T) {
	files := fstest.MapFS{"static/app.css": {Data: []byte("a{}")}}
	for _, name := range vendored {
		files["static/"+name] = &fstest.MapFile{Data: []byte(name)}
	}
	prefix := func() string {
		a, err := LoadAssets(files)
		if err != nil {
			t.Fatal(err)
		}
		return a.prefix
	}
	first, again := prefix(), prefix()
	files["static/app.css"] = &fstest.MapFile{Data: []byte("b{}"), Mode: fs.FileMode(0o644)}
	if changed := prefix(); first != again || first == changed {
		t.Errorf("prefixes %s, %s, and after a change %s", first, again, changed)
	}
}
