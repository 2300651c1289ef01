//! Floor 8: the driver of the simulated world: virtual clock, bad network.
