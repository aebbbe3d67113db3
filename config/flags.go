package config

import "reflect"

// Flag is a setting that 'wampeter run' has a flag for.
type Flag struct {
	Name    string   // without dashes
	Path    string   // of what it sets
	Arg     string   // what its value is called
	Usage   string   // help text
	Default string   // "" for none
	Words   []string // the values that there are; nil: any
	List    bool     // it may be repeated
	Bool    bool     // it needs no value
}

// Flags returns the settings that there are flags for. All others can be set by
// their path, too.
func Flags() []Flag {
	var list []Flag
	for _, s := range settings() {
		if s.flag == "" {
			continue
		}
		_, elem := shapeOf(s.typ)
		f := Flag{
			Name: s.flag, Path: s.path, Arg: s.arg, Usage: s.usage, Default: s.def, Words: s.enum,
			List: s.list(), Bool: elem.Kind() == reflect.Bool,
		}
		if f.Arg == "" {
			f.Arg = flagType(elem)
		}
		list = append(list, f)
	}
	return list
}

// flagType names the kind of value in help texts.
func flagType(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Duration]():
		return "duration"
	case t == reflect.TypeFor[Size]():
		return "SIZE"
	case t.Kind() == reflect.Bool:
		return "bool"
	case t.Kind() == reflect.Int:
		return "int"
	}
	return "string"
}

// Paths returns the paths of everything that can be set from outside of a file.
func Paths() []string {
	var list []string
	for _, s := range settings() {
		list = append(list, s.path)
	}
	return list
}
