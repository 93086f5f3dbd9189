#!/usr/bin/gjs
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Run a command in a container and print its output, without ever blocking:
// what an applet would do.
//
// usage: run.js [--private] IMAGE COMMAND [ARGUMENT...]

imports.gi.versions.Cpod = '1.0';
const {Cpod, Gio, GLib} = imports.gi;
const System = imports.system;

Gio._promisify(Cpod.Client, 'new', 'new_finish');
Gio._promisify(Cpod.Client, 'new_private', 'new_finish');
Gio._promisify(Cpod.Client.prototype, 'run', 'run_finish');
Gio._promisify(Cpod.Client.prototype, 'close', 'close_finish');

async function run(words) {
    const isPrivate = words[0] === '--private';
    const [image, ...command] = isPrivate ? words.slice(1) : words;
    const client = isPrivate
        ? await Cpod.Client.new_private(null)
        : await Cpod.Client.new(Gio.BusType.SYSTEM, null);

    // The signals of the engine are signals of its proxy.
    client.runtime.connect('create', (_runtime, seq, _path, _id, name) =>
        printerr(`event ${seq}: ${name} was created`));
    client.runtime.connect('remove', (_runtime, seq, _path, _id, name) =>
        printerr(`event ${seq}: ${name} was removed`));

    try {
        const options = new GLib.Variant('a{sv}', {
            'command': new GLib.Variant('as', command),
            'auto-remove': new GLib.Variant('b', true),
        });
        const [output, , code] = await client.run(image, options, null, null);
        const text = new TextDecoder().decode(output.toArray());
        print(text.replace(/\n$/, ''));
        return code;
    } finally {
        await client.close(null);
    }
}

if (ARGV.length < 2) {
    printerr('usage: run.js [--private] IMAGE COMMAND [ARGUMENT...]');
    System.exit(2);
}

const loop = new GLib.MainLoop(null, false);
let status = 125;

run(ARGV).then(code => {
    status = code;
}).catch(error => {
    printerr(error.message);
}).finally(() => loop.quit());
loop.run();
System.exit(status);
