// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The indicator's list, and the menu's words, as they are told: one line of JSON for each change. A line on standard
// input that is a name stops that container. Ends with its input.

const {Gio, GLib} = imports.gi;
imports.searchPath.unshift(GLib.getenv('CPOD_GJS'), `${GLib.getenv('CPOD_SOURCE')}/examples/gnome-shell`);
const {Cpod} = imports.cpod;
const {Containers, Words, describe} = imports.containers;
const Gettext = imports.gettext;

const loop = new GLib.MainLoop(null, false);
const client = Cpod.Client.new_sync(Gio.BusType.SYSTEM, null);
Gettext.bindtextdomain('cpod', GLib.getenv('CPOD_LOCALEDIR'));
const words = new Words(Gettext.domain('cpod').gettext);
let entries = [];
const containers = new Containers(Cpod, client, state => {
    entries = state.entries;
    print(JSON.stringify({available: state.available, count: describe(entries.length),
        names: entries.map(entry => `${entry.name} ${entry.state}`),
        menu: entries.length > 0 ? entries.map(entry => words.entry(entry)) : [words.none(state.available)],
        title: words.title, action: words.stop}));
});
const input = new Gio.DataInputStream({base_stream: new Gio.UnixInputStream({fd: 0})});

function readName() {
    input.read_line_async(GLib.PRIORITY_DEFAULT, null, (_source, result) => {
        const [line] = input.read_line_finish_utf8(result);
        if (line === null) {
            containers.destroy();
            loop.quit();
            return;
        }
        entries.find(entry => entry.name === line).stop().catch(error => printerr(error.message));
        readName();
    });
}

readName();
loop.run();
