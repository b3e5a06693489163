"""archkit for other programs: what `archkit serve` offers."""
