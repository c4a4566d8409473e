// Modules of the page, which find the client's files at `./client/`, where the service serves them.

import { registerHooks } from "node:module";

const PAGE = new URL("../../service/console/page/", import.meta.url);
const CLIENT = new URL("../../client/js/src/", import.meta.url);

registerHooks({
  resolve(name, context, next) {
    const isOfPage = context.parentURL?.startsWith(PAGE.href) && name.startsWith("./client/");
    return next(isOfPage ? new URL(name.slice("./client/".length), CLIENT).href : name, context);
  },
});

/** Imports a module of the page, or with `client/` before its name one of the client. */
export const page = (name) =>
  import(name.startsWith("client/") ? new URL(name.slice("client/".length), CLIENT) : new URL(name, PAGE));
