// node fetch.mjs URL FILE keeps what is at an address in a file.
import { writeFile } from "node:fs/promises";

const [url, file] = process.argv.slice(2);
const answer = await fetch(url);
if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
await writeFile(file, await answer.text());
