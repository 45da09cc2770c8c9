package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func archiveOf(t *testing.T, headers ...*tar.Header) *bytes.Buffer {
	var packed bytes.Buffer
	writer := tar.NewWriter(&packed)
	for _, header := range headers {
		content := []byte("content")
		if header.Typeflag != tar.TypeReg {
			content = nil
		}
		header.Size = int64(len(content))
		if err := writer.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		writer.Write(content)
	}
	writer.Close()
	return &packed
}

func TestFilesAreUnpackedWithTheirModes(t *testing.T) {
	folder := t.TempDir()
	err := unpack(archiveOf(t,
		&tar.Header{Name: "a/b/script.sh", Typeflag: tar.TypeReg, Mode: 0o700},
		&tar.Header{Name: "a/", Typeflag: tar.TypeDir, Mode: 0o755},
		&tar.Header{Name: "-leading dash\nand newline", Typeflag: tar.TypeReg, Mode: 0o600},
	), folder)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(folder, "a/b/script.sh")); err != nil || info.Mode() != 0o700 {
		t.Error(info, err)
	}
	if content, err := os.ReadFile(filepath.Join(folder, "-leading dash\nand newline")); err != nil || string(content) != "content" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestNothingGetsOutOfTheFolder(t *testing.T) {
	for name, headers := range map[string][]*tar.Header{
		"a path upwards":       {{Name: "../out", Typeflag: tar.TypeReg}},
		"one inside":           {{Name: "a/../../out", Typeflag: tar.TypeReg}},
		"an absolute path":     {{Name: "/tmp/telpher-out", Typeflag: tar.TypeReg}},
		"an absolute folder":   {{Name: "/tmp/telpher-out", Typeflag: tar.TypeDir}},
		"a symbolic link":      {{Name: "link", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}},
		"a hard link":          {{Name: "link", Linkname: "/etc/passwd", Typeflag: tar.TypeLink}},
		"a device":             {{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}},
		"a pipe":               {{Name: "pipe", Typeflag: tar.TypeFifo}},
		"the same file twice":  {{Name: "a", Typeflag: tar.TypeReg}, {Name: "a", Typeflag: tar.TypeReg}},
		"a file as a folder":   {{Name: "a", Typeflag: tar.TypeReg}, {Name: "a/b", Typeflag: tar.TypeReg}},
		"the folder as a file": {{Name: ".", Typeflag: tar.TypeReg}},
		"an unknown kind":      {{Name: "a", Typeflag: 'Z'}},
	} {
		if err := unpack(archiveOf(t, headers...), t.TempDir()); err == nil {
			t.Errorf("%s was unpacked", name)
		}
	}
	if _, err := os.Lstat("/tmp/telpher-out"); err == nil {
		t.Error("a file got out")
	}
}

func TestWhatIsNoArchiveIsRefused(t *testing.T) {
	if err := unpack(bytes.NewReader(bytes.Repeat([]byte("x"), 2000)), t.TempDir()); err == nil {
		t.Error("unpacked")
	}
}
