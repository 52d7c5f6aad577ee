package antaeus

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Status is what became of an invoice.
type Status string

// The statuses that Antaeus has.
const (
	Pending Status = "PENDING"
	Paid    Status = "PAID"
)

// Money is an amount in units of its currency.
type Money struct {
	Value    float64 `json:"value"`
	Currency string  `json:"currency"`
}

// Invoice is what a customer has to pay.
type Invoice struct {
	ID         int    `json:"id"`
	CustomerID int    `json:"customerId"`
	Amount     Money  `json:"amount"`
	Status     Status `json:"status"`
}

// Store keeps invoices in a file of JSON lines, of which the last one with an id
// counts. An invoice is paid when its line is on the disk.
type Store struct {
	mu       sync.Mutex
	file     *os.File
	invoices []Invoice
	places   map[int]int  // in invoices, by id
	claimed  map[int]bool // by id: a call is charging it
	broken   error        // the file ends with half a line
}

// Create drops the file if there is one, as Antaeus does at each start, and fills a
// new one.
func Create(path string, invoices []Invoice) (*Store, error) {
	s := &Store{places: map[int]int{}, claimed: map[int]bool{}}
	// The file is there with all invoices or not at all.
	file, err := os.CreateTemp(filepath.Dir(path), ".antaeus-")
	if err != nil {
		return nil, fmt.Errorf("create the database: %w", err)
	}
	s.file = file
	for _, i := range invoices {
		if err == nil {
			err = json.NewEncoder(file).Encode(i)
		}
		s.add(i)
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create the database %s: %w", path, err), file.Close(), os.Remove(file.Name()))
	}
	return s, nil
}

// Open reads the file, or creates it with invoices if there is none.
func Open(path string, invoices []Invoice) (*Store, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return Create(path, invoices)
	}
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	s := &Store{file: file, places: map[int]int{}, claimed: map[int]bool{}}
	if err := s.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("read the database %s: %w; remove the file to start again with all invoices pending", path, err), file.Close())
	}
	return s, nil
}

// read reads all lines, and cuts off half a line that a crash has left: its invoice
// was never reported as paid.
func (s *Store) read() error {
	end := int64(0)
	for r := bufio.NewReader(s.file); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var i Invoice
		if err := json.Unmarshal(line, &i); err != nil || i.ID <= 0 || i.Status != Pending && i.Status != Paid {
			return fmt.Errorf("the line at byte %d is no invoice: %q", end, line)
		}
		s.add(i)
		end += int64(len(line))
	}
	if err := s.file.Truncate(end); err != nil {
		return err
	}
	_, err := s.file.Seek(end, io.SeekStart)
	return err
}

func (s *Store) add(i Invoice) {
	if place, known := s.places[i.ID]; known {
		s.invoices[place] = i
		return
	}
	s.places[i.ID] = len(s.invoices)
	s.invoices = append(s.invoices, i)
}

// Invoices returns all invoices, in the order in which they were created.
func (s *Store) Invoices() []Invoice {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Invoice{}, s.invoices...)
}

// claim returns the next pending invoice after one in the order of Invoices, from
// place on, that no other call is charging. The caller has to release it.
func (s *Store) claim(place int) (i Invoice, next int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ; place < len(s.invoices); place++ {
		if i := s.invoices[place]; i.Status == Pending && !s.claimed[i.ID] {
			s.claimed[i.ID] = true
			return i, place + 1, true
		}
	}
	return Invoice{}, place, false
}

func (s *Store) release(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.claimed, id)
}

// pay stores that an invoice is paid.
func (s *Store) pay(i Invoice) error {
	i.Status = Paid
	line, err := json.Marshal(i)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return fmt.Errorf("the database failed before: %w", s.broken)
	}
	_, err = s.file.Write(append(line, '\n'))
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		s.broken = err
		return fmt.Errorf("write the database: %w", err)
	}
	s.add(i)
	return nil
}

// count returns how many invoices have a status.
func (s *Store) count(status Status) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.invoices {
		if i.Status == status {
			n++
		}
	}
	return n
}

// Close closes the file.
func (s *Store) Close() error { return s.file.Close() }
