// The model in the browser: Python compiled to WebAssembly, with netlab's own packages unpacked beside it.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const say = (what) => postMessage({ state: what });

const ready = (async () => {
  say("loading Python …");
  const [python, archive] = await Promise.all([
    loadPyodide({ indexURL: new URL("pyodide/", import.meta.url).href }),
    fetch(new URL("netlab.zip", import.meta.url)).then((got) => {
      if (!got.ok) throw new Error(`netlab.zip: ${got.status} ${got.statusText}`);
      return got.arrayBuffer();
    }),
  ]);
  say("loading the model …");
  python.unpackArchive(archive, "zip", { extractDir: "/netlab" });
  python.runPython("import sys; sys.path.insert(0, '/netlab'); import json; from netlab.playground.answer import respond");
  return python.runPython("lambda question: json.dumps(respond(json.loads(question)))");
})();
ready.catch((error) => postMessage({ failed: String(error) }));

onmessage = async ({ data: { id, question } }) => {
  try {
    const respond = await ready;
    postMessage({ id, answer: JSON.parse(respond(JSON.stringify(question))) });
  } catch (error) {
    postMessage({ id, failed: String(error) });
  }
};
