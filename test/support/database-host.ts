// How to ask the run's database host for a database; it stands apart because the edge project asks before its tests.

/** Address of a new, empty database. Throws with the host's reason when there is none. */
export async function requestDatabase(hostUrl: string): Promise<string> {
  const response = await fetch(hostUrl, { method: 'POST' });
  const text = await response.text();
  if (!response.ok) throw new Error(`no test database: ${text}`);
  return text;
}
