// The connection to the ward: lost, found again, and given to nobody without the token.

import assert from "node:assert/strict";
import { observation } from "./observations.mjs";
import { check } from "./scene.mjs";
import { eventually } from "./until.mjs";
import { NOBODY } from "./ward.mjs";

/** @import { Visit } from "./browser.mjs" */

/** @param {Visit} visit @param {string} state */
const becomes = (visit, state) => visit.page.locator(`[data-testid="connection"][data-state="${state}"]`).waitFor();

check("a ward that stops is told of, and one that is back goes on by itself", async (scene) => {
  const ward = await scene.ward(NOBODY);
  await ward.importResources(observation("one", "someone", 191, 118, Date.now() - 60_000));
  const visit = await scene.visitor(ward);
  await visit.page.clock.install();
  await visit.go("/");
  await eventually(async () => assert.equal(await visit.total("readings"), 1));
  assert.equal(await visit.at("stale").count(), 0);
  const document = await visit.page.evaluateHandle(() => window.document);

  visit.expect(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/);
  await ward.stop();
  await becomes(visit, "reconnecting");
  assert.match(await visit.at("stale").innerText(), /The connection to the ward is lost\. What you see is from \d\d:\d\d:\d\d/);
  assert.equal(await visit.total("readings"), 1);
  await visit.page.clock.fastForward(31_000);
  await becomes(visit, "stopped");
  assert.equal(await visit.at("connection").innerText(), "No connection");
  await visit.at("stale").waitFor();

  await ward.start(`127.0.0.1:${ward.port}`);
  await ward.importResources(observation("two", "someone", 118, 76, Date.now() - 30_000));
  await becomes(visit, "connected");
  await visit.at("stale").waitFor({ state: "detached" });
  await eventually(async () => assert.equal(await visit.total("readings"), 2));
  assert.ok(await visit.page.evaluate((before) => before === window.document, document), "it was not loaded again");
});

check("a page on the network is for whoever has the token", async (scene) => {
  const ward = await scene.ward(NOBODY, "0.0.0.0:0");
  const token = new URL(ward.url).searchParams.get("token") ?? "";
  assert.ok(token.length >= 32);
  await ward.importResources(observation("one", "someone", 191, 118, Date.now() - 60_000));

  const visit = await scene.visitor(ward);
  await visit.page.goto(ward.url);
  await visit.settled();
  await eventually(async () => assert.equal(await visit.total("readings"), 1));
  assert.equal(visit.page.url(), `${ward.origin}/`);
  assert.ok(!(await visit.page.content()).includes(token));
  await visit.page.reload();
  await visit.settled();
  assert.equal(await visit.total("readings"), 1);

  const stranger = await scene.visitor(ward);
  stranger.expect(/\b401\b/);
  for (const path of ["/", `/?token=${"0".repeat(token.length)}`]) {
    const answer = await stranger.page.goto(ward.origin + path);
    assert.equal(answer?.status(), 401);
    const text = await stranger.page.locator("body").innerText();
    assert.match(text, /open the address that bpmonitor printed/);
    assert.match(text, /Ouvrez l’adresse que bpmonitor a affichée/);
  }
  await stranger.page.locator("input[name=token]").fill(token);
  await stranger.page.locator("button").click();
  await stranger.settled();
  assert.equal(await stranger.total("readings"), 1);
  assert.equal(stranger.page.url(), `${ward.origin}/`);
});
