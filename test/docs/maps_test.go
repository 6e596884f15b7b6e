package docs

import (
	"path"
	"regexp"
	"strings"
)

var goFile = regexp.MustCompile(`[a-z0-9_]+\.go\b`)

// missingFiles lists the files that a package doc names in its map of files and that are not
// in the package. It also counts the files that package docs name.
func missingFiles(t tree) (missing []string, named int) {
	for _, name := range t.pages(".go") {
		_, files, found := strings.Cut(t.texts[name], "// # Files")
		if path.Base(name) != "doc.go" || !found {
			continue
		}
		files, _, _ = strings.Cut(files, "// # ")
		for _, file := range goFile.FindAllString(files, -1) {
			named++
			if !t.paths[path.Join(path.Dir(name), file)] {
				missing = append(missing, name+": "+file+" is not in the package")
			}
		}
	}
	return missing, named
}
