// Times in the words and the time zone of the browser. Without this script they are in UTC.

import { dateAndTime } from "./words.js";

for (const time of document.querySelectorAll("time")) time.textContent = dateAndTime(new Date(time.dateTime));
