// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A container's life in JavaScript. usage: gjs life.js IMAGE NAME

const {Gio, GLib} = imports.gi;
const System = imports.system;

imports.searchPath.unshift(GLib.getenv('CPOD_GJS'));
const {Cpod} = imports.cpod;

async function main(image, name) {
    const client = await Cpod.Client.new(Gio.BusType.SYSTEM, null);
    const container = await client.create(image, {name, command: ['sh', '-c', 'echo logged; sleep 1000']});
    print(`created ${container.name}`);
    await container.start();
    const {code} = await container.exec(['sh', '-c', 'exit 7']);
    print(`executed: ${code}`);
    for await (const line of container.logs({follow: true})) {
        print(line.text);
        break;
    }
    try {
        await container.remove();
        print('removed while it runs');
    } catch (error) {
        if (!error.matches(Cpod.Error, Cpod.Error.INVALID_STATE))
            throw error;
    }
    await container.remove({force: true, timeout: 0});
    print(`removed ${name}`);
    try {
        await client.create(image, {nosuch: 1});
        print('an unknown option was taken');
    } catch (error) {
        if (!(error instanceof TypeError))
            throw error;
    }
}

const loop = new GLib.MainLoop(null, false);
let status = 1;
main(...ARGV).then(() => (status = 0)).catch(error => printerr(error, error.stack)).finally(() => loop.quit());
loop.run();
System.exit(status);
