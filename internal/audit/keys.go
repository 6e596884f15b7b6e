package audit

import (
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// Keyring says where the key that signs checkpoints comes from.
type Keyring struct {
	Setting string // the key itself, or the path of a file that holds it; first choice
	Dir     string // the data folder, which may hold the key
}

// The files of a data folder.
const (
	keyFile    = "audit.key"
	ledgerFile = "audit-checkpoints.jsonl"
)

// Ledger is the file of the data folder that keeps checkpoints; "" without a folder.
func (k Keyring) Ledger() string {
	if k.Dir == "" {
		return ""
	}
	return filepath.Join(k.Dir, ledgerFile)
}

// Kept reports whether the data folder holds a key.
func (k Keyring) Kept() bool {
	if k.Dir == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(k.Dir, keyFile))
	return err == nil
}

// Key returns the key; nil when there is none yet. With create one is made in the data
// folder then.
func (k Keyring) Key(create bool) (ed25519.PrivateKey, error) {
	if k.Setting != "" {
		return k.fromSetting()
	}
	if k.Dir == "" {
		return nil, nil
	}
	path := filepath.Join(k.Dir, keyFile)
	if create {
		if err := makeKey(path); err != nil {
			return nil, access.Wrap(access.KindUnavailable, err, "The key that signs checkpoints of the audit log cannot be kept in %s. Make the folder writable, or set PORTCULLIS_AUDIT_KEY", k.Dir)
		}
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, access.Wrap(access.KindUnavailable, reason(err),
			"The key of the audit log cannot be read from %s. Make the file readable, or give another folder with "+
				"--data-dir", path)
	}
	return parseKey(string(text), path)
}

func (k Keyring) fromSetting() (ed25519.PrivateKey, error) {
	if key, err := parseKey(k.Setting, "PORTCULLIS_AUDIT_KEY"); err == nil {
		return key, nil
	}
	text, err := os.ReadFile(k.Setting)
	if err != nil {
		// The setting is not repeated: it may be a key with a slip of the pen in it.
		return nil, access.Errorf(access.KindInvalid, "PORTCULLIS_AUDIT_KEY is neither a key (44 characters, as portcullis audit key --new prints it) nor a file that can be read")
	}
	return parseKey(string(text), k.Setting)
}

func parseKey(text, where string) (ed25519.PrivateKey, error) {
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, access.Errorf(access.KindInvalid, "%s holds no key for the audit log: a key has 44 characters, as portcullis audit key --new prints it", where)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// NewKeyText makes a key as it is written in a setting or a file.
func NewKeyText() (string, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", access.Wrap(access.KindInternal, err, "making a key")
	}
	return base64.StdEncoding.EncodeToString(key.Seed()), nil
}

// makeKey makes the file where there is none. It appears whole or not at all, and of two
// that make it at once both go on with the same.
func makeKey(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	text, err := NewKeyText()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), keyFile+"-*") // only the owner may read it
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text + "\n")
	if err := cmp.Or(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// reason leaves out the path, which the message has.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
