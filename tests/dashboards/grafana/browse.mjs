// node browse.mjs < request.json > pages.json
//
// Opens pages of a Grafana in Chromium, and tells what a person sees there.
import fs from 'node:fs';
import { chromium } from 'playwright-core';

const { program, pages } = JSON.parse(fs.readFileSync(0, 'utf8'));
const browser = await chromium.launch({
  executablePath: program,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

async function loaded(page) {
  await page.waitForLoadState('domcontentloaded');
  await page.waitForSelector('[data-testid^="data-testid Panel header"]', { timeout: 120_000 });
  // Nothing is loading for a second and a half in a row.
  for (let quiet = 0, rounds = 0; quiet < 6 && rounds < 480; rounds++) {
    const busy = await page.locator('[aria-label="Panel loading bar"]').count();
    quiet = busy ? 0 : quiet + 1;
    await page.waitForTimeout(250);
  }
}

// What is in the page's panels, in the browser's own words.
function read() {
  const panel = '[data-testid^="data-testid Panel header"]';
  const links = (part) => [...part.querySelectorAll('a[href*="/d/"]')].map((a) => ({ text: a.textContent.trim(), url: a.href, panel: !!a.closest(panel) }));
  return {
    url: location.href,
    // The texts of the variables' values, in their order.
    variables: [...document.querySelectorAll('[data-testid*="Variable Value DropDown value link text"]')].map((v) => v.textContent.trim()),
    links: links(document).filter((link) => !link.panel),
    panels: [...document.querySelectorAll(panel)].map((panel) => {
      const title = panel.querySelector('h2, h6');
      return {
        title: title?.textContent ?? '',
        cut: !!title && title.scrollWidth > title.clientWidth,
        error: !!panel.querySelector('[data-testid*="Panel status error"]'),
        text: panel.innerText,
        // Of a stat's values.
        colors: [...panel.querySelectorAll('div[style*="font-size"][style*="color"]')].map((value) => value.style.color),
        links: links(panel),
      };
    }),
  };
}

const seen = [];
for (const { url, width, height, docked, picture, click, open } of pages) {
  const context = await browser.newContext({ viewport: { width, height } });
  await context.addInitScript((docked) => {
    localStorage.setItem('grafana.navigation.docked', String(docked));
    localStorage.setItem('grafana.navigation.open', String(docked));
  }, !!docked);
  const page = await context.newPage();
  const faults = [];
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  await page.goto(url);
  await loaded(page);
  if (open) {
    await page.getByText(open).first().click();
    await loaded(page);
  }
  if (click) {
    await page.getByRole('link', { name: click }).first().click();
    await page.waitForTimeout(1000);
    await loaded(page);
  }
  seen.push({ ...(await page.evaluate(read)), faults });
  if (picture) await page.screenshot({ path: picture });
  await context.close();
}
await browser.close();
console.log(JSON.stringify(seen));
