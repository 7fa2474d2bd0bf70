// Every bound in the system, each with its unit in the name and the reason for the number; by whom it binds.
export * from './limits/client-sdk.ts';
export * from './limits/edge.ts';
export * from './limits/greeks.ts';
export * from './limits/kite.ts';
export * from './limits/order-simulator.ts';
export * from './limits/orders-edge.ts';
export * from './limits/sessions.ts';
export * from './limits/sidecar.ts';
export * from './limits/simulator.ts';
