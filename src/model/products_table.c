/* SPDX-License-Identifier: Apache-2.0 */
/* Made from mig-profiles.json by products_table.jq: change those, not this. */
/* clang-format off */
#include "model_internal.h"

static const uint8_t starts_0[] = {0};
static const uint8_t starts_0_1_2_3[] = {0, 1, 2, 3};
static const uint8_t starts_0_1_2_3_4_5_6[] = {0, 1, 2, 3, 4, 5, 6};
static const uint8_t starts_0_2[] = {0, 2};
static const uint8_t starts_0_2_4[] = {0, 2, 4};
static const uint8_t starts_0_2_4_6[] = {0, 2, 4, 6};
static const uint8_t starts_0_3_6_9[] = {0, 3, 6, 9};
static const uint8_t starts_0_4[] = {0, 4};
static const uint8_t starts_0_6[] = {0, 6};

static const struct str a30_24gb_labels[] = {
    {"NVIDIA-A30", 10},
};
static const struct mig_profile a30_24gb_profiles[] = {
    {{"1g.6gb", 6}, {"nvidia.com/mig-1g.6gb", 21}, {"", 0}, 1, 1, 6, 4, starts_0_1_2_3, 4},
    {{"1g.6gb+me", 9}, {"nvidia.com/mig-1g.6gb.me", 24}, {"", 0}, 1, 1, 6, 1, starts_0_1_2_3, 4},
    {{"2g.12gb", 7}, {"nvidia.com/mig-2g.12gb", 22}, {"", 0}, 2, 2, 12, 2, starts_0_2, 2},
    {{"2g.12gb+me", 10}, {"nvidia.com/mig-2g.12gb.me", 25}, {"", 0}, 2, 2, 12, 1, starts_0_2, 2},
    {{"4g.24gb", 7}, {"nvidia.com/mig-4g.24gb", 22}, {"", 0}, 4, 4, 24, 1, starts_0, 1},
};

static const struct str a100_40gb_labels[] = {
    {"NVIDIA-A100-SXM4-40GB", 21},
    {"NVIDIA-A100-PCIE-40GB", 21},
    {"NVIDIA-A800-40GB-Active", 23},
};
static const struct mig_profile a100_40gb_profiles[] = {
    {{"1g.5gb", 6}, {"nvidia.com/mig-1g.5gb", 21}, {"", 0}, 1, 1, 5, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.5gb+me", 9}, {"nvidia.com/mig-1g.5gb.me", 24}, {"", 0}, 1, 1, 5, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.10gb", 7}, {"nvidia.com/mig-1g.10gb", 22}, {"", 0}, 1, 2, 10, 4, starts_0_2_4_6, 4},
    {{"2g.10gb", 7}, {"nvidia.com/mig-2g.10gb", 22}, {"", 0}, 2, 2, 10, 3, starts_0_2_4, 3},
    {{"3g.20gb", 7}, {"nvidia.com/mig-3g.20gb", 22}, {"", 0}, 3, 4, 20, 2, starts_0_4, 2},
    {{"4g.20gb", 7}, {"nvidia.com/mig-4g.20gb", 22}, {"", 0}, 4, 4, 20, 1, starts_0, 1},
    {{"7g.40gb", 7}, {"nvidia.com/mig-7g.40gb", 22}, {"", 0}, 7, 8, 40, 1, starts_0, 1},
};

static const struct str a100_80gb_labels[] = {
    {"NVIDIA-A100-SXM4-80GB", 21},
    {"NVIDIA-A100-80GB-PCIe", 21},
    {"NVIDIA-A800-SXM4-80GB", 21},
    {"NVIDIA-A800-80GB-PCIe", 21},
    {"NVIDIA-A100-PCIE-80GB", 21},
};
static const struct mig_profile a100_80gb_profiles[] = {
    {{"1g.10gb", 7}, {"nvidia.com/mig-1g.10gb", 22}, {"", 0}, 1, 1, 10, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.10gb+me", 10}, {"nvidia.com/mig-1g.10gb.me", 25}, {"", 0}, 1, 1, 10, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.20gb", 7}, {"nvidia.com/mig-1g.20gb", 22}, {"", 0}, 1, 2, 20, 4, starts_0_2_4_6, 4},
    {{"2g.20gb", 7}, {"nvidia.com/mig-2g.20gb", 22}, {"", 0}, 2, 2, 20, 3, starts_0_2_4, 3},
    {{"3g.40gb", 7}, {"nvidia.com/mig-3g.40gb", 22}, {"", 0}, 3, 4, 40, 2, starts_0_4, 2},
    {{"4g.40gb", 7}, {"nvidia.com/mig-4g.40gb", 22}, {"", 0}, 4, 4, 40, 1, starts_0, 1},
    {{"7g.80gb", 7}, {"nvidia.com/mig-7g.80gb", 22}, {"", 0}, 7, 8, 80, 1, starts_0, 1},
};

static const struct str pg506_96gb_labels[] = {
    {"NVIDIA-PG506-232", 16},
};
static const struct mig_profile pg506_96gb_profiles[] = {
    {{"1g.12gb", 7}, {"nvidia.com/mig-1g.12gb", 22}, {"", 0}, 1, 1, 12, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.12gb+me", 10}, {"nvidia.com/mig-1g.12gb.me", 25}, {"", 0}, 1, 1, 12, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.24gb", 7}, {"nvidia.com/mig-1g.24gb", 22}, {"", 0}, 1, 2, 24, 4, starts_0_2_4_6, 4},
    {{"2g.24gb", 7}, {"nvidia.com/mig-2g.24gb", 22}, {"", 0}, 2, 2, 24, 3, starts_0_2_4, 3},
    {{"3g.48gb", 7}, {"nvidia.com/mig-3g.48gb", 22}, {"", 0}, 3, 4, 48, 2, starts_0_4, 2},
    {{"4g.48gb", 7}, {"nvidia.com/mig-4g.48gb", 22}, {"", 0}, 4, 4, 48, 1, starts_0, 1},
    {{"7g.96gb", 7}, {"nvidia.com/mig-7g.96gb", 22}, {"", 0}, 7, 8, 96, 1, starts_0, 1},
};

static const struct str h100_80gb_labels[] = {
    {"NVIDIA-H100-80GB-HBM3", 21},
    {"NVIDIA-H100-PCIe", 16},
    {"NVIDIA-H800", 11},
    {"NVIDIA-H800-PCIe", 16},
};
static const struct mig_profile h100_80gb_profiles[] = {
    {{"1g.10gb", 7}, {"nvidia.com/mig-1g.10gb", 22}, {"", 0}, 1, 1, 10, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.10gb+me", 10}, {"nvidia.com/mig-1g.10gb.me", 25}, {"", 0}, 1, 1, 10, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.20gb", 7}, {"nvidia.com/mig-1g.20gb", 22}, {"", 0}, 1, 2, 20, 4, starts_0_2_4_6, 4},
    {{"2g.20gb", 7}, {"nvidia.com/mig-2g.20gb", 22}, {"", 0}, 2, 2, 20, 3, starts_0_2_4, 3},
    {{"3g.40gb", 7}, {"nvidia.com/mig-3g.40gb", 22}, {"", 0}, 3, 4, 40, 2, starts_0_4, 2},
    {{"4g.40gb", 7}, {"nvidia.com/mig-4g.40gb", 22}, {"", 0}, 4, 4, 40, 1, starts_0, 1},
    {{"7g.80gb", 7}, {"nvidia.com/mig-7g.80gb", 22}, {"", 0}, 7, 8, 80, 1, starts_0, 1},
};

static const struct str h100_94gb_labels[] = {
    {"NVIDIA-H100-NVL", 15},
    {"NVIDIA-H800-NVL", 15},
    {"NVIDIA-H100", 11},
};
static const struct mig_profile h100_94gb_profiles[] = {
    {{"1g.12gb", 7}, {"nvidia.com/mig-1g.12gb", 22}, {"", 0}, 1, 1, 12, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.12gb+me", 10}, {"nvidia.com/mig-1g.12gb.me", 25}, {"", 0}, 1, 1, 12, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.24gb", 7}, {"nvidia.com/mig-1g.24gb", 22}, {"", 0}, 1, 2, 24, 4, starts_0_2_4_6, 4},
    {{"2g.24gb", 7}, {"nvidia.com/mig-2g.24gb", 22}, {"", 0}, 2, 2, 24, 3, starts_0_2_4, 3},
    {{"3g.47gb", 7}, {"nvidia.com/mig-3g.47gb", 22}, {"", 0}, 3, 4, 47, 2, starts_0_4, 2},
    {{"4g.47gb", 7}, {"nvidia.com/mig-4g.47gb", 22}, {"", 0}, 4, 4, 47, 1, starts_0, 1},
    {{"7g.94gb", 7}, {"nvidia.com/mig-7g.94gb", 22}, {"", 0}, 7, 8, 94, 1, starts_0, 1},
};

static const struct mig_profile h100_96gb_profiles[] = {
    {{"1g.12gb", 7}, {"nvidia.com/mig-1g.12gb", 22}, {"", 0}, 1, 1, 12, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.12gb+me", 10}, {"nvidia.com/mig-1g.12gb.me", 25}, {"", 0}, 1, 1, 12, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.24gb", 7}, {"nvidia.com/mig-1g.24gb", 22}, {"", 0}, 1, 2, 24, 4, starts_0_2_4_6, 4},
    {{"2g.24gb", 7}, {"nvidia.com/mig-2g.24gb", 22}, {"", 0}, 2, 2, 24, 3, starts_0_2_4, 3},
    {{"3g.48gb", 7}, {"nvidia.com/mig-3g.48gb", 22}, {"", 0}, 3, 4, 48, 2, starts_0_4, 2},
    {{"4g.48gb", 7}, {"nvidia.com/mig-4g.48gb", 22}, {"", 0}, 4, 4, 48, 1, starts_0, 1},
    {{"7g.96gb", 7}, {"nvidia.com/mig-7g.96gb", 22}, {"", 0}, 7, 8, 96, 1, starts_0, 1},
};

static const struct str gh200_96gb_labels[] = {
    {"NVIDIA-GH200-480GB", 18},
    {"NVIDIA-GH200-120GB", 18},
    {"NVIDIA-GH200-96GB-HBM3", 22},
};
static const struct mig_profile gh200_96gb_profiles[] = {
    {{"1g.12gb", 7}, {"nvidia.com/mig-1g.12gb", 22}, {"", 0}, 1, 1, 12, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.12gb+me", 10}, {"nvidia.com/mig-1g.12gb.me", 25}, {"", 0}, 1, 1, 12, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.24gb", 7}, {"nvidia.com/mig-1g.24gb", 22}, {"", 0}, 1, 2, 24, 4, starts_0_2_4_6, 4},
    {{"2g.24gb", 7}, {"nvidia.com/mig-2g.24gb", 22}, {"", 0}, 2, 2, 24, 3, starts_0_2_4, 3},
    {{"3g.48gb", 7}, {"nvidia.com/mig-3g.48gb", 22}, {"", 0}, 3, 4, 48, 2, starts_0_4, 2},
    {{"4g.48gb", 7}, {"nvidia.com/mig-4g.48gb", 22}, {"", 0}, 4, 4, 48, 1, starts_0, 1},
    {{"7g.96gb", 7}, {"nvidia.com/mig-7g.96gb", 22}, {"", 0}, 7, 8, 96, 1, starts_0, 1},
};

static const struct str gh200_144gb_labels[] = {
    {"NVIDIA-GH200-144G-HBM3e", 23},
};
static const struct mig_profile gh200_144gb_profiles[] = {
    {{"1g.18gb", 7}, {"nvidia.com/mig-1g.18gb", 22}, {"", 0}, 1, 1, 18, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.18gb+me", 10}, {"nvidia.com/mig-1g.18gb.me", 25}, {"", 0}, 1, 1, 18, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.36gb", 7}, {"nvidia.com/mig-1g.36gb", 22}, {"", 0}, 1, 2, 36, 4, starts_0_2_4_6, 4},
    {{"2g.36gb", 7}, {"nvidia.com/mig-2g.36gb", 22}, {"", 0}, 2, 2, 36, 3, starts_0_2_4, 3},
    {{"3g.72gb", 7}, {"nvidia.com/mig-3g.72gb", 22}, {"", 0}, 3, 4, 72, 2, starts_0_4, 2},
    {{"4g.72gb", 7}, {"nvidia.com/mig-4g.72gb", 22}, {"", 0}, 4, 4, 72, 1, starts_0, 1},
    {{"7g.144gb", 8}, {"nvidia.com/mig-7g.144gb", 23}, {"", 0}, 7, 8, 144, 1, starts_0, 1},
};

static const struct str h20_96gb_labels[] = {
    {"NVIDIA-H20", 10},
};
static const struct mig_profile h20_96gb_profiles[] = {
    {{"1g.12gb", 7}, {"nvidia.com/mig-1g.12gb", 22}, {"", 0}, 1, 1, 12, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.12gb+me", 10}, {"nvidia.com/mig-1g.12gb.me", 25}, {"", 0}, 1, 1, 12, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.24gb", 7}, {"nvidia.com/mig-1g.24gb", 22}, {"", 0}, 1, 2, 24, 4, starts_0_2_4_6, 4},
    {{"2g.24gb", 7}, {"nvidia.com/mig-2g.24gb", 22}, {"", 0}, 2, 2, 24, 3, starts_0_2_4, 3},
    {{"3g.48gb", 7}, {"nvidia.com/mig-3g.48gb", 22}, {"", 0}, 3, 4, 48, 2, starts_0_4, 2},
    {{"4g.48gb", 7}, {"nvidia.com/mig-4g.48gb", 22}, {"", 0}, 4, 4, 48, 1, starts_0, 1},
    {{"7g.96gb", 7}, {"nvidia.com/mig-7g.96gb", 22}, {"", 0}, 7, 8, 96, 1, starts_0, 1},
};

static const struct str h200_141gb_labels[] = {
    {"NVIDIA-H200", 11},
    {"NVIDIA-H200-NVL", 15},
};
static const struct mig_profile h200_141gb_profiles[] = {
    {{"1g.18gb", 7}, {"nvidia.com/mig-1g.18gb", 22}, {"", 0}, 1, 1, 18, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.18gb+me", 10}, {"nvidia.com/mig-1g.18gb.me", 25}, {"", 0}, 1, 1, 18, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.35gb", 7}, {"nvidia.com/mig-1g.35gb", 22}, {"", 0}, 1, 2, 35, 4, starts_0_2_4_6, 4},
    {{"2g.35gb", 7}, {"nvidia.com/mig-2g.35gb", 22}, {"", 0}, 2, 2, 35, 3, starts_0_2_4, 3},
    {{"3g.71gb", 7}, {"nvidia.com/mig-3g.71gb", 22}, {"", 0}, 3, 4, 71, 2, starts_0_4, 2},
    {{"4g.71gb", 7}, {"nvidia.com/mig-4g.71gb", 22}, {"", 0}, 4, 4, 71, 1, starts_0, 1},
    {{"7g.141gb", 8}, {"nvidia.com/mig-7g.141gb", 23}, {"", 0}, 7, 8, 141, 1, starts_0, 1},
};

static const struct str b200_180gb_labels[] = {
    {"NVIDIA-B200", 11},
};
static const struct mig_profile b200_180gb_profiles[] = {
    {{"1g.23gb", 7}, {"nvidia.com/mig-1g.23gb", 22}, {"", 0}, 1, 1, 23, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.23gb+me", 10}, {"nvidia.com/mig-1g.23gb.me", 25}, {"", 0}, 1, 1, 23, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.45gb", 7}, {"nvidia.com/mig-1g.45gb", 22}, {"", 0}, 1, 2, 45, 4, starts_0_2_4_6, 4},
    {{"2g.45gb", 7}, {"nvidia.com/mig-2g.45gb", 22}, {"", 0}, 2, 2, 45, 3, starts_0_2_4, 3},
    {{"3g.90gb", 7}, {"nvidia.com/mig-3g.90gb", 22}, {"", 0}, 3, 4, 90, 2, starts_0_4, 2},
    {{"4g.90gb", 7}, {"nvidia.com/mig-4g.90gb", 22}, {"", 0}, 4, 4, 90, 1, starts_0, 1},
    {{"7g.180gb", 8}, {"nvidia.com/mig-7g.180gb", 23}, {"", 0}, 7, 8, 180, 1, starts_0, 1},
};

static const struct str gb200_186gb_labels[] = {
    {"NVIDIA-GB200", 12},
};
static const struct mig_profile gb200_186gb_profiles[] = {
    {{"1g.23gb", 7}, {"nvidia.com/mig-1g.23gb", 22}, {"1g.24gb", 7}, 1, 1, 23, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.23gb+me", 10}, {"nvidia.com/mig-1g.23gb.me", 25}, {"1g.24gb+me", 10}, 1, 1, 23, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.47gb", 7}, {"nvidia.com/mig-1g.47gb", 22}, {"", 0}, 1, 2, 47, 4, starts_0_2_4_6, 4},
    {{"2g.47gb", 7}, {"nvidia.com/mig-2g.47gb", 22}, {"", 0}, 2, 2, 47, 3, starts_0_2_4, 3},
    {{"3g.93gb", 7}, {"nvidia.com/mig-3g.93gb", 22}, {"3g.95gb", 7}, 3, 4, 93, 2, starts_0_4, 2},
    {{"4g.93gb", 7}, {"nvidia.com/mig-4g.93gb", 22}, {"4g.95gb", 7}, 4, 4, 93, 1, starts_0, 1},
    {{"7g.186gb", 8}, {"nvidia.com/mig-7g.186gb", 23}, {"7g.189gb", 8}, 7, 8, 186, 1, starts_0, 1},
};

static const struct str b300_269gb_labels[] = {
    {"NVIDIA-B300-SXM6-AC", 19},
};
static const struct mig_profile b300_269gb_profiles[] = {
    {{"1g.34gb", 7}, {"nvidia.com/mig-1g.34gb", 22}, {"", 0}, 1, 1, 34, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.34gb+me", 10}, {"nvidia.com/mig-1g.34gb.me", 25}, {"", 0}, 1, 1, 34, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.67gb", 7}, {"nvidia.com/mig-1g.67gb", 22}, {"", 0}, 1, 2, 67, 4, starts_0_2_4_6, 4},
    {{"2g.67gb", 7}, {"nvidia.com/mig-2g.67gb", 22}, {"", 0}, 2, 2, 67, 3, starts_0_2_4, 3},
    {{"3g.135gb", 8}, {"nvidia.com/mig-3g.135gb", 23}, {"", 0}, 3, 4, 135, 2, starts_0_4, 2},
    {{"4g.135gb", 8}, {"nvidia.com/mig-4g.135gb", 23}, {"", 0}, 4, 4, 135, 1, starts_0, 1},
    {{"7g.269gb", 8}, {"nvidia.com/mig-7g.269gb", 23}, {"", 0}, 7, 8, 269, 1, starts_0, 1},
};

static const struct str gb300_278gb_labels[] = {
    {"NVIDIA-GB300", 12},
};
static const struct mig_profile gb300_278gb_profiles[] = {
    {{"1g.35gb", 7}, {"nvidia.com/mig-1g.35gb", 22}, {"", 0}, 1, 1, 35, 7, starts_0_1_2_3_4_5_6, 7},
    {{"1g.35gb+me", 10}, {"nvidia.com/mig-1g.35gb.me", 25}, {"", 0}, 1, 1, 35, 1, starts_0_1_2_3_4_5_6, 7},
    {{"1g.70gb", 7}, {"nvidia.com/mig-1g.70gb", 22}, {"", 0}, 1, 2, 70, 4, starts_0_2_4_6, 4},
    {{"2g.70gb", 7}, {"nvidia.com/mig-2g.70gb", 22}, {"", 0}, 2, 2, 70, 3, starts_0_2_4, 3},
    {{"3g.139gb", 8}, {"nvidia.com/mig-3g.139gb", 23}, {"", 0}, 3, 4, 139, 2, starts_0_4, 2},
    {{"4g.139gb", 8}, {"nvidia.com/mig-4g.139gb", 23}, {"", 0}, 4, 4, 139, 1, starts_0, 1},
    {{"7g.278gb", 8}, {"nvidia.com/mig-7g.278gb", 23}, {"", 0}, 7, 8, 278, 1, starts_0, 1},
};

static const struct str rtx_pro_6000_blackwell_96gb_labels[] = {
    {"NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition", 44},
    {"NVIDIA-RTX-PRO-6000-Blackwell-Workstation-Edition", 49},
    {"NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-Edition", 55},
};
static const struct mig_profile rtx_pro_6000_blackwell_96gb_profiles[] = {
    {{"1g.24gb", 7}, {"nvidia.com/mig-1g.24gb", 22}, {"", 0}, 1, 3, 24, 4, starts_0_3_6_9, 4},
    {{"1g.24gb+me", 10}, {"nvidia.com/mig-1g.24gb.me", 25}, {"", 0}, 1, 3, 24, 1, starts_0_3_6_9, 4},
    {{"1g.24gb+gfx", 11}, {"nvidia.com/mig-1g.24gb.gfx", 26}, {"", 0}, 1, 3, 24, 4, starts_0_3_6_9, 4},
    {{"1g.24gb+me.all", 14}, {"nvidia.com/mig-1g.24gb.me.all", 29}, {"", 0}, 1, 3, 24, 1, starts_0_3_6_9, 4},
    {{"1g.24gb-me", 10}, {"nvidia.com/mig-1g.24gb-me", 25}, {"", 0}, 1, 3, 24, 4, starts_0_3_6_9, 4},
    {{"2g.48gb", 7}, {"nvidia.com/mig-2g.48gb", 22}, {"", 0}, 2, 6, 48, 2, starts_0_6, 2},
    {{"2g.48gb+gfx", 11}, {"nvidia.com/mig-2g.48gb.gfx", 26}, {"", 0}, 2, 6, 48, 2, starts_0_6, 2},
    {{"2g.48gb+me.all", 14}, {"nvidia.com/mig-2g.48gb.me.all", 29}, {"", 0}, 2, 6, 48, 1, starts_0_6, 2},
    {{"2g.48gb-me", 10}, {"nvidia.com/mig-2g.48gb-me", 25}, {"", 0}, 2, 6, 48, 2, starts_0_6, 2},
    {{"4g.96gb", 7}, {"nvidia.com/mig-4g.96gb", 22}, {"", 0}, 4, 12, 96, 1, starts_0, 1},
    {{"4g.96gb+gfx", 11}, {"nvidia.com/mig-4g.96gb.gfx", 26}, {"", 0}, 4, 12, 96, 1, starts_0, 1},
};

static const struct str rtx_pro_5000_blackwell_48gb_labels[] = {
    {"NVIDIA-RTX-PRO-5000-Blackwell", 29},
};
static const struct mig_profile rtx_pro_5000_blackwell_48gb_profiles[] = {
    {{"1g.24gb", 7}, {"nvidia.com/mig-1g.24gb", 22}, {"", 0}, 1, 0, 24, 2, NULL, 0},
    {{"1g.24gb+me", 10}, {"nvidia.com/mig-1g.24gb.me", 25}, {"", 0}, 1, 0, 24, 1, NULL, 0},
    {{"1g.24gb+gfx", 11}, {"nvidia.com/mig-1g.24gb.gfx", 26}, {"", 0}, 1, 0, 24, 2, NULL, 0},
    {{"1g.24gb+me.all", 14}, {"nvidia.com/mig-1g.24gb.me.all", 29}, {"", 0}, 1, 0, 24, 1, NULL, 0},
    {{"1g.24gb-me", 10}, {"nvidia.com/mig-1g.24gb-me", 25}, {"", 0}, 1, 0, 24, 2, NULL, 0},
    {{"2g.48gb", 7}, {"nvidia.com/mig-2g.48gb", 22}, {"", 0}, 2, 0, 48, 1, NULL, 0},
    {{"2g.48gb+gfx", 11}, {"nvidia.com/mig-2g.48gb.gfx", 26}, {"", 0}, 2, 0, 48, 1, NULL, 0},
};

static const struct str rtx_pro_4500_blackwell_32gb_labels[] = {
    {"NVIDIA-RTX-PRO-4500-Blackwell", 29},
};
static const struct mig_profile rtx_pro_4500_blackwell_32gb_profiles[] = {
    {{"1g.16gb", 7}, {"nvidia.com/mig-1g.16gb", 22}, {"", 0}, 1, 0, 16, 2, NULL, 0},
    {{"1g.16gb+gfx", 11}, {"nvidia.com/mig-1g.16gb.gfx", 26}, {"", 0}, 1, 0, 16, 2, NULL, 0},
    {{"1g.16gb+me.all", 14}, {"nvidia.com/mig-1g.16gb.me.all", 29}, {"", 0}, 1, 0, 16, 1, NULL, 0},
    {{"1g.16gb-me", 10}, {"nvidia.com/mig-1g.16gb-me", 25}, {"", 0}, 1, 0, 16, 2, NULL, 0},
    {{"2g.32gb", 7}, {"nvidia.com/mig-2g.32gb", 22}, {"", 0}, 2, 0, 32, 1, NULL, 0},
    {{"2g.32gb+gfx", 11}, {"nvidia.com/mig-2g.32gb.gfx", 26}, {"", 0}, 2, 0, 32, 1, NULL, 0},
};

static const struct mig_profile thor_igpu_profiles[] = {
    {{"1g.0gb+me", 9}, {"nvidia.com/mig-1g.0gb.me", 24}, {"", 0}, 1, 0, 0, 1, NULL, 0},
    {{"1g.0gb", 6}, {"nvidia.com/mig-1g.0gb", 21}, {"", 0}, 1, 0, 0, 1, NULL, 0},
    {{"1g.0gb+gfx", 10}, {"nvidia.com/mig-1g.0gb.gfx", 25}, {"", 0}, 1, 0, 0, 1, NULL, 0},
    {{"2g.0gb", 6}, {"nvidia.com/mig-2g.0gb", 21}, {"", 0}, 2, 0, 0, 1, NULL, 0},
    {{"2g.0gb+gfx", 10}, {"nvidia.com/mig-2g.0gb.gfx", 25}, {"", 0}, 2, 0, 0, 1, NULL, 0},
    {{"3g.0gb", 6}, {"nvidia.com/mig-3g.0gb", 21}, {"", 0}, 3, 0, 0, 1, NULL, 0},
    {{"3g.0gb+gfx", 10}, {"nvidia.com/mig-3g.0gb.gfx", 25}, {"", 0}, 3, 0, 0, 1, NULL, 0},
};

const struct gpu_product products_table[] = {
    {{"a30-24gb", 8}, a30_24gb_labels, 1, 24, a30_24gb_profiles, 5, 4, 4, true},
    {{"a100-40gb", 9}, a100_40gb_labels, 3, 40, a100_40gb_profiles, 7, 8, 7, true},
    {{"a100-80gb", 9}, a100_80gb_labels, 5, 80, a100_80gb_profiles, 7, 8, 7, true},
    {{"pg506-96gb", 10}, pg506_96gb_labels, 1, 96, pg506_96gb_profiles, 7, 8, 7, false},
    {{"h100-80gb", 9}, h100_80gb_labels, 4, 80, h100_80gb_profiles, 7, 8, 7, true},
    {{"h100-94gb", 9}, h100_94gb_labels, 3, 94, h100_94gb_profiles, 7, 8, 7, true},
    {{"h100-96gb", 9}, NULL, 0, 96, h100_96gb_profiles, 7, 8, 7, false},
    {{"gh200-96gb", 10}, gh200_96gb_labels, 3, 96, gh200_96gb_profiles, 7, 8, 7, false},
    {{"gh200-144gb", 11}, gh200_144gb_labels, 1, 144, gh200_144gb_profiles, 7, 8, 7, false},
    {{"h20-96gb", 8}, h20_96gb_labels, 1, 96, h20_96gb_profiles, 7, 8, 7, false},
    {{"h200-141gb", 10}, h200_141gb_labels, 2, 141, h200_141gb_profiles, 7, 8, 7, false},
    {{"b200-180gb", 10}, b200_180gb_labels, 1, 180, b200_180gb_profiles, 7, 8, 7, false},
    {{"gb200-186gb", 11}, gb200_186gb_labels, 1, 186, gb200_186gb_profiles, 7, 8, 7, false},
    {{"b300-269gb", 10}, b300_269gb_labels, 1, 269, b300_269gb_profiles, 7, 8, 7, false},
    {{"gb300-278gb", 11}, gb300_278gb_labels, 1, 278, gb300_278gb_profiles, 7, 8, 7, false},
    {{"rtx-pro-6000-blackwell-96gb", 27}, rtx_pro_6000_blackwell_96gb_labels, 3, 96, rtx_pro_6000_blackwell_96gb_profiles, 11, 12, 4, true},
    {{"rtx-pro-5000-blackwell-48gb", 27}, rtx_pro_5000_blackwell_48gb_labels, 1, 48, rtx_pro_5000_blackwell_48gb_profiles, 7, 0, 2, false},
    {{"rtx-pro-4500-blackwell-32gb", 27}, rtx_pro_4500_blackwell_32gb_labels, 1, 32, rtx_pro_4500_blackwell_32gb_profiles, 6, 0, 2, false},
    {{"thor-igpu", 9}, NULL, 0, 0, thor_igpu_profiles, 7, 0, 3, false},
};
const size_t products_table_count = sizeof(products_table) / sizeof(products_table[0]);
