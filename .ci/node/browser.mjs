// A person with a browser, who begins at / and uses nothing else: reads, logs in, finds products, orders, and gets past an error.
// Nothing may come from elsewhere than the shop, and nothing may break the page's policy.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const shop = process.env.SHOP;
const email = `ann-${Date.now()}@example.com`;
const password = "correct horse";
const patience = 30_000; // ms, for a busy machine

async function post(path, body) {
  const answer = await fetch(shop + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  assert.equal(answer.status, 201);
}

// use fills in what an operation wants, if anything, sends it, and returns the answer that the page shows.
async function use(page, id, status) {
  const operation = page.locator(`[id="operations-${id}"]`);
  if (!(await operation.locator(".execute").isVisible())) await operation.locator(".opblock-summary-control").click();
  const answered = page.waitForResponse((r) => r.url().startsWith(shop) && r.request().resourceType() === "fetch", { timeout: patience });
  await operation.locator(".execute").click();
  assert.equal((await answered).status(), status, id);
  const shown = operation.locator(".live-responses-table .response").first();
  await shown.filter({ hasText: String(status) }).waitFor();
  return { operation, text: await shown.innerText() };
}

async function logIn(page) {
  await page.locator(".auth-wrapper .authorize").first().click();
  const form = page.locator(".auth-container").filter({ hasText: "tokenUrl" }).or(page.locator(".auth-container").filter({ hasText: "Token URL" })).first();
  await form.locator("#oauth_username").fill(email);
  await form.locator("#oauth_password").fill(password);
  await form.locator("button.authorize").click();
  await form.locator("button", { hasText: "Logout" }).waitFor();
  await page.locator("button.btn-done").first().click();
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(patience);
  const strangers = [], complaints = [];
  page.on("request", (r) => { if (!r.url().startsWith(shop + "/") && !r.url().startsWith("data:")) strangers.push(r.url()); });
  page.on("console", (m) => { if (m.type() === "error" && !/status of 409/.test(m.text())) complaints.push(m.text()); });
  page.on("pageerror", (e) => complaints.push(String(e)));

  await page.goto(shop + "/");
  await page.locator("main a", { hasText: "/redoc" }).click();
  await page.locator("#placeOrder", { hasText: "expected_total" }).waitFor();
  await page.locator("nav a", { hasText: "Try" }).click();
  await page.locator(".opblock").first().waitFor();

  await post("/auth/register", { name: "Ann Rao", email, password });
  await logIn(page);
  const products = await use(page, "Products-listProducts", 200);
  assert.match(products.text, /Floor Lamp/); // the examples of the description: lamps of at most 199.99, in Home
  const picture = /http\S+\.svg/.exec(products.text)[0];
  assert.equal((await fetch(picture)).headers.get("content-type"), "image/svg+xml");
  await use(page, "Cart-addToCart", 200);
  assert.match((await use(page, "Orders-placeOrder", 201)).text, /Pending/);
  const refused = await use(page, "Orders-placeOrder", 409);
  assert.match(refused.text, /Your cart is empty/);
  assert.match(refused.text, /\/errors\/empty_cart/);
  await refused.operation.locator(".responses-table a[href='/errors/empty_cart']").first().evaluate((a) => { a.target = ""; a.click(); });
  await page.locator("h1", { hasText: "empty_cart" }).waitFor();
  await page.locator("h2", { hasText: "How to get past it" }).waitFor();
  await page.goto(picture);

  assert.deepEqual(strangers, []);
  assert.deepEqual(complaints, []);
  console.log("1 passed, 0 failed");
} finally {
  await browser.close();
}
