// What a row says of a share link. Pure.

import { counted, fileName } from "./words.js";

/** The row's link, of a listed link as the client has it. */
export function linkOf({ bucket, key, prefix, operations, label, maxUses, uses, ...link }) {
  const isRequest = operations.includes("upload");
  const folder = prefix?.split("/").at(-2) ?? bucket;
  const name = key === undefined ? (isRequest ? `Files for ${folder}` : `All of ${folder}`) : fileName(key);
  const said = [`${bucket}/${key ?? prefix}`];
  if (label) said.push(label);
  if (maxUses) said.push(`Used ${uses} of ${counted(maxUses, "time")}`);
  return { ...link, name, about: said.join(" · ") };
}

/** What to do with a new link that the service has put into no list; nothing for any other. */
export const unlisted = ({ id, isListed }) =>
  id !== undefined && isListed === false ? `This link is not in the list of your links. To revoke it later, keep its ID: ${id}` : "";
