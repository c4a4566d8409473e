// A person at Debian's Firefox: uses what is on a page by its name, and waits as long as a busy machine needs.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import process from "node:process";
import { json } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import puppeteer from "puppeteer-core";

const PATIENCE = 60_000; // milliseconds, for one thing
const LONGEST = 420_000; // for all of it, which takes 20 s where nothing else runs
// Firefox itself finds elements by their roles and names, but takes seconds for each.
const ROLES = {
  button: "button:not([role])",
  checkbox: "input[type=checkbox]",
  dialog: "dialog[open]",
  file: "input[type=file]",
  heading: "h1, h2, h3",
  img: "img",
  label: "label",
  link: "a[href]",
  menuitem: "[role=menuitem]",
};

/**
 * Calls `tell(person, told)`, where `told` is the JSON of standard input. Then prints as JSON what the pages logged, and
 * from which origins they loaded anything.
 */
export async function run(tell) {
  const told = await json(process.stdin);
  setTimeout(() => process.exit(1), LONGEST).unref(); // puppeteer ends Firefox, too
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: told.firefox,
    timeout: PATIENCE,
    extraPrefsFirefox: {
      "browser.download.alwaysOpenPanel": false, // it would take the focus from the page
      "browser.download.dir": told.downloads,
      "browser.download.folderList": 2, // that directory
      "browser.download.useDownloadDir": true,
      "layout.css.prefers-color-scheme.content-override": 0, // dark
    },
  });
  try {
    const around = { browser, downloads: told.downloads, axe: await readFile(told.axe, "utf8") };
    const seen = { logged: [], origins: new Set() };
    await tell(await new Person(around, seen).inAnotherTab(), told);
    process.stdout.write(JSON.stringify({ ...seen, origins: [...seen.origins] }));
  } finally {
    await browser.close();
  }
}

class Person {
  page;
  #around;
  #seen;

  constructor(around, seen) {
    this.#around = around;
    this.#seen = seen;
  }

  async inAnotherTab() {
    const made = new Person(this.#around, this.#seen);
    const page = await this.#around.browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    const { logged, origins } = this.#seen;
    page.on("console", (message) => logged.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => logged.push(`uncaught: ${error.message}`));
    page.on("request", (request) => origins.add(new URL(request.url()).origin));
    await page.evaluateOnNewDocument(() =>
      addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
        console.error(`${effectiveDirective} forbids ${blockedURI}`),
      ),
    );
    made.page = page;
    await made.resize(1280, 800);
    return made;
  }

  resize(width, height) {
    return this.page.setViewport({ width, height });
  }

  /** Whether the page can be used with a screen reader, as axe sees it, and without scrolling sideways. */
  async isWell() {
    const found = await this.page.evaluate(`${this.#around.axe}; axe.run(document, { resultTypes: ["violations"] })`);
    assert.ok(found.passes.length > 5); // it looked
    assert.deepEqual(found.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
    assert.ok(await this.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  }

  /** What has this role and name, once it can be seen. */
  async find(role, name) {
    let found;
    await until(async () => (found = await this.#look(role, name)) !== null, `${role}: ${name}`);
    return found;
  }

  /** Waits until nothing with this role and name can be seen. */
  async misses(role, name) {
    await until(async () => (await this.#look(role, name)) === null, `no ${role}: ${name}`);
  }

  async #look(role, name) {
    return (await this.page.evaluateHandle(named, ROLES[role], name)).asElement();
  }

  /** Finds it until `use`, which runs in the page, succeeds: a list that is read again replaces its rows. */
  async #have(role, name, use) {
    let found;
    await until(async () => {
      found = await this.find(role, name);
      return found.evaluate(use);
    }, `a use of ${role}: ${name}`);
    return found;
  }

  /** Clicks in the middle of the window, where nothing lies over the page for long. */
  async clicks(role, name) {
    const found = await this.#have(role, name, (each) => {
      each.scrollIntoView({ block: "center" });
      return each.isConnected;
    });
    await found.click();
  }

  async focuses(role, name) {
    await this.#have(role, name, (each) => {
      each.focus();
      return document.activeElement === each;
    });
  }

  /** Writes into an empty field. */
  async writes(label, words) {
    await this.clicks("label", label);
    await this.page.keyboard.type(words);
  }

  /** Presses a key, such as `F2` or `Control+a`. */
  async presses(keys) {
    const [last, ...held] = keys.split("+").reverse();
    for (const key of held) await this.page.keyboard.down(key);
    await this.page.keyboard.press(last);
    for (const key of held) await this.page.keyboard.up(key);
  }

  /** Chooses files in the browser's dialog, which `open` opens. */
  async chooses(open, ...files) {
    const [chooser] = await Promise.all([this.page.waitForFileChooser({ timeout: PATIENCE }), open()]);
    await chooser.accept(files);
  }

  /** Drops a file as if it came from the desktop: WebDriver drags none. */
  drops(name, content) {
    const drop = (name, content) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([content], name, { type: "text/plain" }));
      const at = document.querySelector("main label[for=files]");
      for (const type of ["dragenter", "dragover", "drop"])
        at.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    };
    return this.page.evaluate(drop, name, content);
  }

  /** Waits until the page shows these words. */
  async reads(words) {
    const shown = () => this.page.evaluate(() => document.body.innerText);
    await until(async () => (await shown()).includes(words), `words: ${words}`);
  }

  async isAt(fragment) {
    await until(() => new URL(this.page.url()).hash === fragment, `address: ${fragment}`);
  }

  /** How many are open. */
  async tabs() {
    return (await this.#around.browser.pages()).length;
  }

  /** Waits until the browser has saved a file of this name. It writes into one with another ending first. */
  async getsFile(name) {
    await until(async () => {
      const found = await readdir(this.#around.downloads);
      return found.includes(name) && !found.some((each) => each.endsWith(".part"));
    }, `file: ${name}`);
  }
}

/** Runs in the page: the visible element with this name, or null. Below a dialog nothing can be used. */
function named(selector, name) {
  const top = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;
  const nameOf = (each) => {
    const label = document.getElementById(each.getAttribute("aria-labelledby")) ?? each.labels?.[0] ?? each;
    return each.ariaLabel ?? label.textContent.trim();
  };
  const found = [...document.querySelectorAll(selector)].filter((each) => top.contains(each));
  return found.find((each) => each.checkVisibility({ visibilityProperty: true }) && nameOf(each) === name) ?? null;
}

/** Waits until `isSo` resolves with true. */
export async function until(isSo, what) {
  const end = Date.now() + PATIENCE;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await pause(50);
  }
}
