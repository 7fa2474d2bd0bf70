// The official KiteTicker in a process of its own, as it ends the one that it is in: tells what happens as lines of JSON.
// node kite-ticker-program.mjs '{"root":..,"access_token":..,"quote":[..],"full":[..],"ltp":[..]}'
import { KiteTicker } from 'kiteconnect';

const { root, access_token, quote, full, ltp } = JSON.parse(process.argv[2]);
const tell = (event, data) => process.stdout.write(`${JSON.stringify({ event, data })}\n`);
const ticker = new KiteTicker({ api_key: 'any_app', access_token, root });

ticker.on('connect', () => {
  tell('connect');
  const all = [...quote, ...full, ...ltp];
  if (all.length > 0) ticker.subscribe(all);
  if (full.length > 0) ticker.setMode(ticker.modeFull, full);
  if (ltp.length > 0) ticker.setMode(ticker.modeLTP, ltp);
});
ticker.on('ticks', (ticks) => tell('ticks', ticks));
ticker.on('message', ({ byteLength }) => byteLength === 1 && tell('heartbeat'));
ticker.on('order_update', (order) => tell('order_update', order));
ticker.on('disconnect', () => tell('disconnect'));
ticker.on('error', ({ message }) => tell('error', message));
ticker.connect();
