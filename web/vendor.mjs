// Copies the third-party files that the console embeds from node_modules into
// static/vendor. Run it after `npm ci`; `make assets` does both.
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const files = {
  "tabler.css": "@tabler/core/dist/css/tabler.min.css",
  "htmx.js": "htmx.org/dist/htmx.min.js",
  "htmx-sse.js": "htmx-ext-sse/dist/sse.min.js",
  "inter.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
  "mono.woff2": "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
};

const target = join(here, "static", "vendor");
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const [name, source] of Object.entries(files)) {
  copyFileSync(join(here, "node_modules", source), join(target, name));
}
