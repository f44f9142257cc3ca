"""The routes of the contract, a module for each family; `table` finds the one that is meant."""
