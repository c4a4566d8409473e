// What takes several calls is finished only by the person who began it.

import { PresignError } from "./client/errors.js";

/** @throws PresignError if the sign-in has ended in which `session` was the service's */
export function requireSession(service, session) {
  if (service.session !== session) throw new PresignError("unauthenticated", "The sign-in has ended.", { status: 401 });
}
