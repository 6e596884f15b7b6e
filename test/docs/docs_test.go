package docs

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func repository(t *testing.T) tree {
	t.Helper()
	found := readTree(t, os.DirFS("../.."))
	if !found.paths["go.mod"] {
		t.Fatal("the repository has no go.mod: the test reads the wrong folder")
	}
	return found
}

func TestLinksResolve(t *testing.T) {
	for _, problem := range brokenLinks(repository(t)) {
		t.Error(problem)
	}
}

func TestCitedHeadingsExist(t *testing.T) {
	unknown, cites := unknownHeadings(repository(t))
	for _, problem := range unknown {
		t.Error(problem)
	}
	if cites < 20 {
		t.Errorf("found %d citations of %s: the test no longer recognizes them", cites, factsPage)
	}
}

func TestMentionedPathsExist(t *testing.T) {
	missing, paths := missingPaths(repository(t))
	for _, problem := range missing {
		t.Error(problem)
	}
	if paths < 50 {
		t.Errorf("found %d paths: the test no longer recognizes them", paths)
	}
}

func TestFileMapsAreRight(t *testing.T) {
	missing, named := missingFiles(repository(t))
	for _, problem := range missing {
		t.Error(problem)
	}
	if named < 50 {
		t.Errorf("found %d files in package docs: the test no longer recognizes them", named)
	}
}

// sample is a small repository with one mistake of each kind for every line that says bad.
func sample(t *testing.T) tree {
	t.Helper()
	files := fstest.MapFS{}
	for name, lines := range map[string][]string{
		"README.md": {
			"# Read me",
			"[good](docs/aws-facts.md#a-fact) [bad](docs/gone.md) [web](https://example.com/gone)",
			"[bad](#no-heading) [good](#read-me) `[code](gone.md)`", "", "[bad]: gone.md", "", "```", "[code](gone.md)", "```",
		},
		"docs/aws-facts.md": {
			"# Facts", "", "## A fact", "", "## A fact", "",
			"[second](#a-fact-1) [bad](#a-fact-2) [good](../README.md)",
		},
		"docs/architecture.md": {
			"## One",
			"`a/b.go`, `b_test.go`, `a/NOUN.go`, `*_test.go`, `c/`, `aws:SourceIp`, `/healthz`, `192.0.2.0/24`",
			"bad: `a/gone.go` and `d`, `d/e`", "", "## Two", "`c/d.sql`, bad: `b.go`, `a/b_NOUN.templ`",
		},
		"a/b.go": {
			`// Good: docs/aws-facts.md, "Facts" and`, `// "A fact". Bad: (docs/aws-facts.md,`, `// "No`, `// fact").`,
		},
		"a/b_test.go": nil,
		"a/doc.go":    {"// Package a.", "//", "// # Files", "//", "//	b.go  good; gone.go bad", "// # Later: other.go", "package a"},
		"c/d.sql":     {`-- docs/aws-facts.md, "Gone"`},
	} {
		files[name] = &fstest.MapFile{Data: []byte(strings.Join(lines, "\n"))}
	}
	return readTree(t, files)
}

func TestBrokenLinksAreFound(t *testing.T) {
	want := []string{
		"README.md: the link to docs/gone.md: docs/gone.md does not exist",
		"README.md: the link to #no-heading: README.md has no such heading",
		"README.md: the link to gone.md: gone.md does not exist",
		"docs/aws-facts.md: the link to #a-fact-2: docs/aws-facts.md has no such heading",
	}
	if got := brokenLinks(sample(t)); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestUnknownHeadingsAreFound(t *testing.T) {
	want := []string{
		`a/b.go cites "No fact", which docs/aws-facts.md does not have`,
		`c/d.sql cites "Gone", which docs/aws-facts.md does not have`,
	}
	if got, cites := unknownHeadings(sample(t)); !slices.Equal(got, want) || cites != 4 {
		t.Errorf("%d citations, want 4; got  %q\nwant %q", cites, got, want)
	}
}

func TestMissingPathsAreFound(t *testing.T) {
	want := []string{
		"docs/architecture.md mentions a/gone.go, which does not exist",
		"docs/architecture.md mentions d/e, which does not exist",
		"docs/architecture.md mentions b.go, which does not exist",
		"docs/architecture.md mentions a/b_NOUN.templ, which does not exist",
	}
	if got, _ := missingPaths(sample(t)); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestMissingFilesAreFound(t *testing.T) {
	want := []string{"a/doc.go: gone.go is not in the package"}
	if got, named := missingFiles(sample(t)); !slices.Equal(got, want) || named != 2 {
		t.Errorf("%d files, want 2; got  %q\nwant %q", named, got, want)
	}
}
