"""archkit for other programs: `archkit serve`."""
