// node browse.mjs < request.json > seen.json
//
// Opens pages in Chromium as people have them, and tells what happens there.
import fs from 'node:fs';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

const { program, visits } = JSON.parse(fs.readFileSync(0, 'utf8'));
const browser = await chromium.launch({
  executablePath: program,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

// What is on the page, in the browser's own words.
function read() {
  const root = document.documentElement;
  return {
    url: location.href,
    text: document.body.innerText,
    background: getComputedStyle(document.body).backgroundColor,
    wide: root.scrollWidth - root.clientWidth,
    // Text that is cut off, or that runs into what is beside it.
    cut: [...document.querySelectorAll('td, th, dd, p, a, .badge, .times span')].filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline' && !e.matches('.hidden, .skip')).map((e) => e.textContent.trim()),
    // Each line of a picture, with the room that it takes.
    lines: [...document.querySelectorAll('svg path.line')].map((path) => {
      const box = path.getBoundingClientRect();
      return { name: path.getAttribute('class').replace('line ', ''), width: box.width, height: box.height };
    }),
    steps: document.querySelectorAll('svg .step').length,
    focusable: document.querySelectorAll('a[href], input, button').length,
  };
}

const seen = [];
for (const { url, width, height, dark, scripts, search, picture, tall } of visits) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', javaScriptEnabled: scripts !== false });
  const page = await context.newPage();
  const requests = [];
  const faults = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('requestfailed', (request) => faults.push(`${request.url()}: ${request.failure().errorText}`));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(url);
  if (search) { // with the keyboard alone
    while ((await page.evaluate(() => document.activeElement.id)) !== 'search') await page.keyboard.press('Tab');
    await page.keyboard.type(search);
    await page.keyboard.press('Enter');
    await page.waitForURL(/search=/);
  }
  const sight = await page.evaluate(read);
  if (picture) await page.screenshot({ path: picture, fullPage: !!tall });
  if (scripts !== false) {
    await page.evaluate(axe.source);
    sight.violations = await page.evaluate(async () => (await axe.run()).violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(' ')}`));
    // Everything that can be used is reached by the keyboard, and shows that it is.
    const reached = new Set();
    for (let i = 0; i <= sight.focusable; i++) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(() => {
        const e = document.activeElement;
        if (e === document.body) return null;
        return { index: [...document.querySelectorAll('a[href], input, button')].indexOf(e), outline: getComputedStyle(e).outlineStyle, text: e.textContent };
      });
      if (!at) continue;
      reached.add(at.index);
      if (at.outline === 'none') faults.push(`no outline around ${at.text}`);
    }
    sight.reached = reached.size;
  }
  seen.push({ ...sight, requests, faults });
  await context.close();
}
await browser.close();
console.log(JSON.stringify(seen));
