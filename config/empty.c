/* Stands in for a plane that has no source file yet. */
typedef int config_empty;
