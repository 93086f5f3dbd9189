// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An indicator in GNOME Shell's panel: how many containers run, and a menu to
// stop them. Copy this directory to
// ~/.local/share/gnome-shell/extensions/containers@cpod.org. It speaks the user's
// language if cpod is installed below the shell's prefix; else put a link there,
// locale, to where cpod's translations are.

/* exported init */

const {Gio, GLib, GObject, St} = imports.gi;
const ExtensionUtils = imports.misc.extensionUtils;
const Main = imports.ui.main;
const PanelMenu = imports.ui.panelMenu;
const PopupMenu = imports.ui.popupMenu;

const Me = ExtensionUtils.getCurrentExtension();
const {Containers, Words, describe} = Me.imports.containers;

imports.searchPath.push(GLib.getenv('CPOD_GJS') ?? '/usr/share/cpod-1.0/gjs');
const {Cpod} = imports.cpod;

const Indicator = GObject.registerClass(
class Indicator extends PanelMenu.Button {
    _init() {
        const words = new Words(ExtensionUtils.gettext);
        super._init(0.0, words.title);
        this._words = words;
        const box = new St.BoxLayout();
        this._count = new St.Label({y_align: imports.gi.Clutter.ActorAlign.CENTER});
        box.add_child(new St.Icon({icon_name: 'package-x-generic-symbolic', style_class: 'system-status-icon'}));
        box.add_child(this._count);
        this.add_child(box);
        this._cancellable = new Gio.Cancellable();
        this._connect().catch(error => this._fail(error));
    }

    async _connect() {
        const client = await Cpod.Client.new(Gio.BusType.SYSTEM, this._cancellable);
        this._containers = new Containers(Cpod, client, state => this._show(state));
    }

    _fail(error) {
        if (!error.matches?.(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED))
            Main.notifyError(this._words.title, error.message);
    }

    _show({available, entries}) {
        this._count.text = describe(entries.length);
        this.menu.removeAll();
        for (const entry of entries) {
            const item = new PopupMenu.PopupSubMenuMenuItem(this._words.entry(entry));
            item.menu.addAction(this._words.stop, () => entry.stop().catch(error => this._fail(error)));
            this.menu.addMenuItem(item);
        }
        if (entries.length === 0)
            this.menu.addMenuItem(new PopupMenu.PopupMenuItem(this._words.none(available), {reactive: false}));
    }

    destroy() {
        this._cancellable.cancel();
        this._containers?.destroy();
        super.destroy();
    }
});

class Extension {
    enable() {
        this._indicator = new Indicator();
        Main.panel.addToStatusArea(Me.metadata.uuid, this._indicator);
    }

    disable() {
        this._indicator.destroy();
        this._indicator = null;
    }
}

function init() {
    ExtensionUtils.initTranslations();
    return new Extension();
}
