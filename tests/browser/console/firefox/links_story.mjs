// What somebody does who was sent two links: gives files, and gets one.

import assert from "node:assert/strict";
import { run, until } from "./person.mjs";

await run(async (person, { box, landing, file }) => {
  const { page } = person;
  assert.ok(await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches));
  await page.goto(box);
  await person.find("heading", "Files for Ann & Co");
  await person.reads("The contract, please");
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
});
