package sandbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// saveDelay is how long a write waits for others to be saved with.
const saveDelay = 500 * time.Millisecond

// saver writes the state to a file shortly after a change, without delaying the callers.
type saver struct {
	org  *Organization
	path string

	mu      sync.Mutex // guards timer, dirty and err
	timer   *time.Timer
	dirty   bool
	closed  bool
	writing sync.Mutex // one file at a time
}

func newSaver(o *Organization, path string) *saver { return &saver{org: o, path: path} }

// requestSave requests that the state is saved.
func (s *saver) requestSave() {
	if s.path == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dirty || s.closed {
		return
	}
	s.dirty = true
	s.timer = time.AfterFunc(saveDelay, s.flush)
}

func (s *saver) flush() {
	if err := s.save(); err != nil {
		s.org.log.Error("the sandbox organization could not be saved; changes since are lost at the next start", "path", s.path, "error", err)
	}
}

func (s *saver) save() error {
	s.mu.Lock()
	dirty := s.dirty
	s.dirty = false
	s.mu.Unlock()
	if !dirty {
		return nil
	}
	return s.org.Save(s.path)
}

// close saves what is not saved yet, and nothing after it.
func (s *saver) close() error {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	return s.save()
}

// Save writes the whole state to a file, at once or not at all.
func (o *Organization) Save(path string) error {
	o.saver.writing.Lock()
	defer o.saver.writing.Unlock()
	f, err := os.CreateTemp(filepath.Dir(path), ".sandbox-*")
	if err != nil {
		return cannotSave(path, err)
	}
	defer os.Remove(f.Name()) // gone already when all went well
	w := bufio.NewWriter(f)
	if err := errors.Join(o.encode(w), w.Flush(), f.Sync(), f.Close()); err != nil {
		return cannotSave(path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return cannotSave(path, err)
	}
	return nil
}

func (o *Organization) encode(w *bufio.Writer) error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return json.NewEncoder(w).Encode(o.company)
}

func cannotSave(path string, err error) error {
	return access.Wrap(access.KindUnavailable, err, "The sandbox organization cannot be saved to %s. Is the folder there, writable, and not full?", path)
}

// Load makes the state what a saved file says.
func (o *Organization) Load(path string) error {
	c, err := loadCompany(path)
	if err != nil {
		return err
	}
	if c == nil {
		return access.Errorf(access.KindNotFound, "There is no saved sandbox organization at %s.", path)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.adopt(c)
	return nil
}

// loadCompany reads a snapshot; nil when there is none.
func loadCompany(path string) (*Company, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, access.Wrap(access.KindUnavailable, err, "The sandbox organization at %s cannot be read. May this user read the file?", path)
	}
	var c Company
	if err := json.Unmarshal(data, &c); err != nil || len(c.Accounts) == 0 {
		return nil, access.Wrap(access.KindInvalid, err, "%s does not hold a saved sandbox organization. Move it away to start over.", path)
	}
	for _, a := range c.Accounts {
		if a.Roles == nil {
			a.Roles = map[string]*role{}
		}
		if a.Users == nil {
			a.Users = map[string]*user{}
		}
	}
	return &c, nil
}
