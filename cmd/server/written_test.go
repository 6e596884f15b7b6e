package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// commandLine finds commands of the program in a text. Its arguments end at a quote of Markdown, a comment or a line.
var (
	commandLine = regexp.MustCompile("(?m)(?:^|[ `])portcullis " +
		"((?:demo|serve|migrate|policy|change|audit|user|token|organization)[^`#\n]*)")
	word = regexp.MustCompile(`"[^"]*"|\S+`)
)

// TestWrittenCommands reads the commands of README.md and docker-compose.yml as the program does.
func TestWrittenCommands(t *testing.T) {
	seen := 0
	for _, file := range []string{"../../README.md", "../../docker-compose.yml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		written := strings.ReplaceAll(string(text), "docker compose run --rm console ", "portcullis ")
		for _, found := range commandLine.FindAllStringSubmatch(written, -1) {
			seen++
			args := word.FindAllString(strings.ReplaceAll(found[1], "scenario", "testdata/article"), -1)
			for i := range args {
				args[i] = strings.Trim(args[i], `"`)
			}
			if _, err := parse(t, args...); err != nil && !incomplete(args) {
				t.Errorf("%s: portcullis %s: %v", file, found[1], err)
			}
		}
	}
	if seen < 10 {
		t.Errorf("found %d commands; the test looks for the wrong thing", seen)
	}
}

// incomplete reports whether a text names a command only.
func incomplete(args []string) bool {
	return len(args) < 3 && !strings.HasPrefix(args[len(args)-1], "-")
}

// TestComposeSettings wants every variable of docker-compose.yml and the Dockerfile to be a setting, and the role of the
// console to be the one that migrate makes.
func TestComposeSettings(t *testing.T) {
	parser, err := kong.New(&cli{}, options()...)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	err = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			for _, env := range f.Envs {
				known[env] = true
			}
		}
		return next(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"../../docker-compose.yml", "../../Dockerfile"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`PORTCULLIS_[A-Z_]+`).FindAllString(string(text), -1) {
			if !known[name] {
				t.Errorf("%s sets %s, which is no setting", file, name)
			}
		}
	}
	migrate, err := parse(t, "migrate")
	if err != nil {
		t.Fatal(err)
	}
	compose, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	if url := "postgres://" + migrate.Migrate.ConsoleRole + ":${PORTCULLIS_CONSOLE_PASSWORD"; !strings.Contains(string(compose), url) {
		t.Errorf("docker-compose.yml lets the console work as another role than %s", migrate.Migrate.ConsoleRole)
	}
}
