package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// fileSuffix makes of the variable of a secret the one that names a file with it, as container platforms mount secrets.
const fileSuffix = "_FILE"

// secretFromFile reads a flag that is tagged as a secret from the file that its variable with the suffix names. nil
// leaves the flag as it is.
func secretFromFile(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !flag.Tag.Has("secret") || len(flag.Envs) == 0 {
		return nil, nil //nolint:nilnil // no file is named
	}
	name := flag.Envs[0] + fileSuffix
	path, set := os.LookupEnv(name)
	if !set || path == "" {
		return nil, nil //nolint:nilnil // no file is named
	}
	if os.Getenv(flag.Envs[0]) != "" {
		return nil, fmt.Errorf("both %s and %s are set; leave out one of the two", flag.Envs[0], name)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		var known *fs.PathError
		if errors.As(err, &known) {
			err = known.Err
		}
		return nil, fmt.Errorf("%s: the file %s cannot be read: %w", name, path, err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return nil, fmt.Errorf("%s: the file %s is empty", name, path)
	}
	return secret, nil
}
