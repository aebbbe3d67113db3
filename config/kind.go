package config

import (
	"reflect"
)

// kindName says what a value of type t is, for messages and the reference.
func kindName(t reflect.Type) string {
	shape, elem := shapeOf(t)
	switch shape {
	case listShape:
		if s, _ := shapeOf(elem); s == sectionShape {
			return "list of sections"
		}
		return "list of " + plural(kindName(elem))
	case sectionShape:
		return "section"
	case freeShape:
		return "mapping"
	}
	switch elem {
	case reflect.TypeFor[Duration]():
		return "time"
	case reflect.TypeFor[Size]():
		return "size"
	case reflect.TypeFor[Secret]():
		return "secret"
	case reflect.TypeFor[Path]():
		return "path"
	case reflect.TypeFor[Address]():
		return "address"
	case reflect.TypeFor[Network]():
		return "network"
	}
	switch elem.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint8, reflect.Float64:
		return "number"
	}
	return "text"
}

func plural(word string) string {
	switch word {
	case "text":
		return "texts"
	case "address":
		return "addresses"
	}
	return word + "s"
}

// article puts one in front of what kindName returns.
func article(kind string) string {
	switch kind {
	case "text", "true or false":
		return kind
	case "address":
		return "an " + kind
	}
	return "a " + kind
}
