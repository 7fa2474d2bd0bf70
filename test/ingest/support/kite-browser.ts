// A browser in which somebody is logged in at Kite: opens the login page and follows where it sends it.

/** Where the login page sends the browser. */
export async function redirectOf(loginUrl: string): Promise<string> {
  const response = await fetch(loginUrl, { redirect: 'manual' });
  const location = response.headers.get('location');
  if (location === null) throw new Error(`no redirect: ${response.status} ${await response.text()}`);
  return location;
}

/** What the page says at which the login ends. */
export async function logInAsUser(loginUrl: string): Promise<{ status: number; text: string }> {
  const response = await fetch(await redirectOf(loginUrl), { redirect: 'manual' });
  return { status: response.status, text: await response.text() };
}
