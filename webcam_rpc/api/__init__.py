"""The JSON-RPC methods, a module for each noun: only they know both the wire's names and the parts behind them."""
