package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// TestImportCrossbar imports the node configurations in
// testdata/crossbar/*.txtar, which have what comes of it in want.yaml, and checks
// that this is a configuration. With -update want.yaml is written anew.
func TestImportCrossbar(t *testing.T) {
	names, err := filepath.Glob("testdata/crossbar/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no files", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			imported, err := ImportCrossbar(archive.Files[0].Name, archive.Files[0].Data)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if err := imported.Write(&b); err != nil {
				t.Fatal(err)
			}
			environ := []string{"PORT=8080", "JOE_TICKET=x"}
			if _, err := Load(t.Context(), Source{File: "wampeter.yaml", Data: []byte(b.String()), Environ: environ}); err != nil {
				t.Errorf("what was imported is no configuration: %v\n%s", err, b.String())
			}
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "want.yaml", Data: []byte(b.String())})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := ImportCrossbar("x.json", []byte(`{"version": 2, "workers": [{"type": "container"}]}`)); err == nil {
		t.Error("a node without a router is imported")
	}
	if _, err := ImportCrossbar("x.json", []byte(`{"version": `)); AsMistakes(err) == nil {
		t.Errorf("error %v of a broken file, want its mistakes", err)
	}
}

// FuzzImportCrossbar checks that no file makes the import panic.
func FuzzImportCrossbar(f *testing.F) {
	names, _ := filepath.Glob("testdata/crossbar/*.txtar")
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if imported, err := ImportCrossbar("x", data); err == nil {
			var b strings.Builder
			_ = imported.Write(&b)
		}
	})
}

// FuzzLoad checks that no file makes the reader panic, and that what is accepted
// reads the same when it is written.
func FuzzLoad(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasPrefix(file.Name, "config.") {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "file:") || strings.Contains(string(data), "address") || strings.Contains(string(data), "listen") {
			return // other files, and names of hosts to look up
		}
		c, err := Load(t.Context(), Source{File: "x", Data: data})
		if err != nil {
			_ = err.Error()
			return
		}
		var first, second strings.Builder
		if err := c.Write(&first, true); err != nil {
			t.Fatal(err)
		}
		again, err := Load(t.Context(), Source{File: "x", Data: []byte(first.String())})
		if err != nil {
			t.Fatalf("%v\n%s", err, first.String())
		}
		_ = again.Write(&second, true)
		if first.String() != second.String() {
			t.Fatalf("%s\nis read as\n%s", first.String(), second.String())
		}
	})
}
