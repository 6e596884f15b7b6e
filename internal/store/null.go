package store

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm/schema"
)

// nullAsZero lets a row hold plain Go values whose zero is NULL in the database: times,
// and numbers that refer to something.
type nullAsZero struct{}

func init() { schema.RegisterSerializer("null", nullAsZero{}) }

// Scan reads a column into a field.
func (nullAsZero) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, value any) error {
	target := field.ReflectValueOf(ctx, dst)
	switch v := value.(type) {
	case nil:
		target.SetZero()
	case time.Time:
		target.Set(reflect.ValueOf(v.UTC()))
	case int64:
		target.SetInt(v)
	default:
		return fmt.Errorf("column %s holds a %T", field.DBName, value)
	}
	return nil
}

// Value writes a field into a column.
func (nullAsZero) Value(_ context.Context, field *schema.Field, _ reflect.Value, value any) (any, error) {
	switch v := value.(type) {
	case time.Time:
		return nullTime(v), nil
	case int64:
		return nullID(v), nil
	default:
		return nil, fmt.Errorf("field %s holds a %T", field.Name, value)
	}
}

func nullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC()
}

func nullID(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// orZero returns what a nullable column holds, or its zero.
func orZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// orEmpty returns a slice that encodes as [] where it is nil.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
