// A browser in which somebody is logged in at Kite: opens the login page and follows where it sends it.

/** Kite adds the login's `redirect_params` to the redirect; a simulator that does not has them added here. */
export async function redirectOf(loginUrl: string): Promise<string> {
  const response = await fetch(loginUrl, { redirect: 'manual' });
  const location = response.headers.get('location');
  if (location === null) throw new Error(`no redirect: ${response.status} ${await response.text()}`);
  const target = new URL(location);
  for (const [name, value] of new URLSearchParams(
    new URL(loginUrl).searchParams.get('redirect_params') ?? '',
  ))
    target.searchParams.set(name, value);
  return target.href;
}

/** What the page says at which the login ends. */
export async function logInAsUser(loginUrl: string): Promise<{ status: number; text: string }> {
  const response = await fetch(await redirectOf(loginUrl), { redirect: 'manual' });
  return { status: response.status, text: await response.text() };
}
