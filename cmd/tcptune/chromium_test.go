// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A browser is a headless Chromium that shows one page, driven over a pipe
// with the Chrome DevTools Protocol.
type browser struct {
	t       *testing.T
	cmd     *exec.Cmd
	in      *os.File
	events  chan cdpMessage
	session string
	last    int
	seen    []cdpMessage // events that came while an answer was awaited
}

type cdpMessage struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// browserPatience is generous: the machine may be loaded.
const browserPatience = 60 * time.Second

// newBrowser starts Chromium; no name resolves in it.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	b := &browser{t: t, events: make(chan cdpMessage, 1000)}
	b.cmd = exec.Command(findTool(t, "chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	read, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b.in = write
	b.cmd.ExtraFiles = []*os.File{in, out} // 3 and 4
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	go b.listen(bufio.NewReader(read))
	t.Cleanup(func() {
		b.send("", "Browser.close", nil)
		write.Close()
		kill := time.AfterFunc(browserPatience, func() { _ = b.cmd.Process.Kill() })
		defer kill.Stop()
		_ = b.cmd.Wait()
	})
	target := get[struct{ TargetID string }](b, "", "Target.createTarget", map[string]any{"url": "about:blank"})
	b.session = get[struct{ SessionID string }](b, "", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}).SessionID
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		b.call(domain+".enable", nil)
	}
	return b
}

// listen reads messages, which end with a NUL, until the browser ends.
func (b *browser) listen(r *bufio.Reader) {
	defer close(b.events)
	for {
		data, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m cdpMessage
		if json.Unmarshal(data[:len(data)-1], &m) == nil {
			b.events <- m
		}
	}
}

func (b *browser) send(session, method string, params any) {
	b.last++
	data, err := json.Marshal(map[string]any{"id": b.last, "method": method, "params": params, "sessionId": session})
	if session == "" {
		data, err = json.Marshal(map[string]any{"id": b.last, "method": method, "params": params})
	}
	if err == nil {
		_, err = b.in.Write(append(data, 0))
	}
	if err != nil {
		b.t.Logf("%s: %v", method, err)
	}
}

// next returns the next message.
func (b *browser) next(what string) cdpMessage {
	b.t.Helper()
	select {
	case m, ok := <-b.events:
		if !ok {
			b.t.Fatalf("%s: the browser ended", what)
		}
		return m
	case <-time.After(browserPatience):
		b.t.Fatalf("%s: no answer within %s", what, browserPatience)
	}
	return cdpMessage{}
}

func (b *browser) command(session, method string, params any) json.RawMessage {
	b.t.Helper()
	b.send(session, method, params)
	for {
		m := b.next(method)
		switch {
		case m.ID != b.last:
			b.seen = append(b.seen, m)
		case m.Error != nil:
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		default:
			return m.Result
		}
	}
}

func (b *browser) call(method string, params any) json.RawMessage {
	b.t.Helper()
	return b.command(b.session, method, params)
}

// get is a command whose result is decoded.
func get[T any](b *browser, session, method string, params any) (v T) {
	b.t.Helper()
	if err := json.Unmarshal(b.command(session, method, params), &v); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	return v
}

// open shows a file in a window of a width and a colour scheme, and waits until
// it is loaded.
func (b *browser) open(file string, width int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
	b.seen = nil
	b.call("Page.navigate", map[string]any{"url": "file://" + file})
	for _, m := range b.seen {
		if m.Method == "Page.loadEventFired" {
			return
		}
	}
	for {
		m := b.next("load " + file)
		b.seen = append(b.seen, m)
		if m.Method == "Page.loadEventFired" {
			return
		}
	}
}

// requests are the addresses that the page has asked for; those of data are in
// the page.
func (b *browser) requests() (urls []string) {
	for _, m := range b.seen {
		var p struct{ Request struct{ URL string } }
		if m.Method == "Network.requestWillBeSent" && json.Unmarshal(m.Params, &p) == nil && !strings.HasPrefix(p.Request.URL, "data:") {
			urls = append(urls, p.Request.URL)
		}
	}
	return urls
}

// complaints are what the console of the page has.
func (b *browser) complaints() (texts []string) {
	for _, m := range b.seen {
		switch m.Method {
		case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
			texts = append(texts, string(m.Params))
		}
	}
	return texts
}

// eval returns the value of an expression in the page.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	answer := get[struct {
		Result           struct{ Value T }
		ExceptionDetails any
	}](b, b.session, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true})
	if answer.ExceptionDetails != nil {
		b.t.Fatalf("%s: %v", expression, answer.ExceptionDetails)
	}
	return answer.Result.Value
}

// shoot takes a picture and returns its size. Where TCPTUNE_SCREENSHOTS names a
// directory the picture has the whole page, and is saved there.
func (b *browser) shoot(name string) int {
	b.t.Helper()
	dir := os.Getenv("TCPTUNE_SCREENSHOTS")
	options := map[string]any{}
	if dir != "" {
		options["captureBeyondViewport"] = true
		options["clip"] = map[string]any{"x": 0, "y": 0, "scale": 1,
			"width": eval[int](b, "innerWidth"), "height": eval[int](b, "document.documentElement.scrollHeight")}
	}
	shot := get[struct{ Data string }](b, b.session, "Page.captureScreenshot", options)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), data, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	return len(data)
}
