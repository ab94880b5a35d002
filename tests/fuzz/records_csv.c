/* Tables as anybody may hand them in, through to the records made of them. */
#include "records/mpi/load.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mpi_tables *tables;
    static const struct mpi_map map = {.of = {[MPI_ID] = {{"id"}, 1},
                                              [MPI_NAME] = {{"name"}, 1},
                                              [MPI_SEX] = {{"sex"}, 1},
                                              [MPI_BIRTH_DATE] = {{"birth", "day"}, 2},
                                              [MPI_ID_NO] = {{"card"}, 1},
                                              [MPI_PHONE] = {{"phone"}, 1},
                                              [MPI_ADDRESS] = {{"address", "town"}, 2}}};
    struct fault f = {0};
    struct csv c;
    if (!tables && mpi_tables_open(&tables, YL_SOURCE_DIR "/config/data", &f))
        abort();
    if (csv_open_bytes(&c, "fuzz", (const char *)data, size, &f)) {
        if (!f.text[0])
            abort();
        return 0;
    }
    struct mpi_set set;
    struct mpi_load load;
    mpi_set_init(&set, tables);
    mpi_load_init(&load, &set, &map);
    int rc = mpi_load_table(&load, &c, &f);
    if (rc == 0) {
        for (uint32_t i = 0; i < set.n; i++)
            if (!mpi_load_id(&load, i))
                abort();
        rc = mpi_load_finish(&load, &f);
    }
    if (rc && !f.code)
        abort();
    mpi_load_fini(&load);
    mpi_set_fini(&set);
    csv_close(&c);
    return 0;
}
