// All tests, one after another in one process: they share a browser, and a ward that they only look at. What is timed comes first.

await import("./live.test.mjs");
await import("./changes.test.mjs");
await import("./connection.test.mjs");
await import("./numbers.test.mjs");
await import("./filters.test.mjs");
await import("./keyboard.test.mjs");
await import("./languages.test.mjs");
await import("./themes.test.mjs");
await import("./sizes.test.mjs");
await import("./axe.test.mjs");
