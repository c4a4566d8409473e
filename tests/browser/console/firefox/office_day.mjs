// An office day at the console, and what a visitor does who was sent two links.

import assert from "node:assert/strict";
import { run, until } from "./person.mjs";

await run(async (person, { url, key, files, folder, box, landing }) => {
  const { page } = person;
  const signIn = async () => {
    await person.writes("API key or token", key);
    await person.clicks("button", "Sign in");
  };
  await page.goto(url);
  assert.ok(await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches));
  await signIn();
  await person.clicks("link", "objects");
  await person.find("heading", "objects");
  await person.clicks("link", folder);
  await person.find("heading", folder);

  await page.reload();
  await person.find("button", "Sign in");
  await person.clicks("checkbox", "Keep me signed in in this tab");
  await signIn();
  await person.find("heading", folder);
  await page.reload();
  await person.find("heading", folder);

  await deletes(person, "gone.txt");
  await findsFolders(person, folder); // and all the rest, while that can be undone
  await uploads(person, files);
  await selectsAndSaves(person, folder);
  await renames(person);
  await person.isWell();
  await person.resize(390, 844);
  await person.clicks("button", "Hide list"); // of uploads, which covers half of a phone
  await looks(person);
  await deletes(person, "kept.txt");
  await person.presses("Enter"); // on *Undo*, which has the focus
  await person.find("button", "kept.txt");
  await person.isWell();
  await visits(await person.inAnotherTab(), { box, landing, file: files.note });
  await page.bringToFront();
  await person.misses("button", "Undo"); // its time is over
  await person.misses("button", "gone.txt");
  await person.clicks("button", "Sign out");
  await person.find("button", "Sign in");
  assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
});

async function findsFolders(person, folder) {
  const { page } = person;
  await person.clicks("link", "deep");
  await person.find("heading", "deep");
  await person.isAt(`#/objects/${folder}/deep/`);
  await page.evaluate(() => history.back());
  await person.find("heading", folder);
  await person.isAt(`#/objects/${folder}/`);
  await page.evaluate(() => history.forward());
  await person.find("heading", "deep");
  await page.evaluate(() => history.back());
  await person.find("heading", folder);
}

/** By the menu of its row, with the keyboard only. */
async function deletes(person, name) {
  await person.focuses("button", name);
  for (const key of ["Tab", "Tab", "Enter"]) await person.presses(key);
  await person.find("menuitem", "Delete");
  for (const key of ["ArrowUp", "Enter"]) await person.presses(key);
  await person.find("button", "Undo");
}

async function uploads(person, { note, photo }) {
  const { page } = person;
  const opens = () => person.clicks("button", "Upload");
  const top = () => page.$eval("#listing", (list) => list.getBoundingClientRect().top + scrollY);
  await person.find("button", "kept.txt"); // the list is there, and what is above it
  const before = await top();
  await person.chooses(opens, note, photo);
  await person.find("heading", "2 files uploaded");
  await person.find("button", "photo.png");
  assert.equal(await top(), before); // the panel pushes nothing away
  await person.chooses(opens, note);
  await person.find("dialog", "This name is taken");
  await person.clicks("button", "Keep both");
  await person.find("heading", "3 files uploaded");
  await person.clicks("button", "Show list");
  await person.clicks("button", "Copy link");
  await person.reads("Link copied. It expires in");
  await person.find("button", "note (2).txt");
  await person.drops("dropped.txt", "dropped");
  await person.find("button", "dropped.txt");
}

async function selectsAndSaves(person, folder) {
  await person.focuses("button", "note.txt");
  await person.presses("Control+a");
  await person.reads("7 selected");
  await person.presses("Escape");
  await person.reads("Select all");
  await person.presses("Control+a");
  await person.clicks("button", "Download as ZIP");
  await person.reads(`${folder}.zip: 7 files saved.`);
  await person.getsFile(`${folder}.zip`);
  await person.focuses("button", "dropped.txt");
  await person.presses("Escape");
  await person.presses("Shift+ArrowDown");
  await person.reads("2 selected");
  await person.clicks("button", "Download");
  for (const name of ["dropped.txt", "kept.txt"]) await person.getsFile(name);
  await person.focuses("button", "note.txt");
  await person.presses("Escape");
}

async function renames(person) {
  await person.focuses("button", "old.txt");
  await person.presses("F2");
  await person.find("dialog", "Rename this file");
  await person.page.keyboard.type("new"); // in place of what is selected, which is all but the ending
  await person.presses("Enter");
  await person.find("button", "new.txt");
}

async function looks(person) {
  await person.clicks("button", "note.txt");
  await person.reads("good day");
  const before = await person.tabs();
  await person.clicks("button", "Download");
  await person.getsFile("note.txt");
  await until(async () => (await person.tabs()) === before, "the download's own tab to close");
  await person.presses("Escape");
  const said = () => person.page.$eval("#toasts", (messages) => messages.textContent);
  await until(async () => !/Link copied|asked for/.test(await said()), "the messages over the last row to go");
  await person.clicks("button", "photo.png");
  await person.find("img", "photo.png");
  const shown = await person.page.$eval("#preview", async (dialog) => {
    const image = dialog.querySelector("img");
    await image.decode();
    const rows = new Set([...dialog.querySelectorAll(".dialog-head button")].map(({ offsetTop }) => offsetTop));
    return { width: image.naturalWidth, rows: rows.size, scrolls: dialog.scrollHeight > dialog.clientHeight };
  });
  assert.deepEqual(shown, { width: 40, rows: 1, scrolls: false });
  await person.presses("Escape");
}

async function visits(person, { box, landing, file }) {
  const { page } = person;
  await page.goto(box);
  await person.find("heading", "Files for Ann & Co");
  await person.reads("The notes, please");
  await person.isWell();
  const areSent = async (count) => {
    const sent = () => page.$$eval("#items [data-state=done]", ({ length }) => length);
    await until(async () => (await sent()) === count, `${count} files sent`);
    await person.reads("Done. You can close this page.");
  };
  for (const count of [1, 2]) {
    await person.chooses(() => person.clicks("file", "Files"), file);
    await areSent(count);
  }
  await person.drops("dropped.txt", "dropped");
  await areSent(3);
  await person.isWell();

  await person.resize(390, 844);
  await page.goto(landing);
  await person.find("heading", "Q3 report.txt");
  await person.reads("As promised");
  await person.isWell();
  await person.clicks("button", "Download");
  await person.getsFile("Q3 report.txt");
  assert.equal(page.url(), landing);
}
